//! A host is a name, the addresses of our interfaces under it, and the way back from them (RFC 6762 §4, §6.2).

use core::net::IpAddr;

use super::{ClaimId, Holder, HostId, Own, OwnRecord, OwnStorage, RegisterError, Scope, Stored};
use crate::{
    link::{InterfaceId, Subnet},
    name::{LOCAL, LabelError, Name, NameBuf, check_host, reverse_name},
    store::{Full, NONE, NameId},
    wire::{Rdata, RecordType},
};

impl<S: OwnStorage> Own<S> {
    /// Claims a host name and makes its address records.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn add_host(&mut self, label: &str) -> Result<ClaimId, RegisterError> {
        check_host(label)?;
        let host = self.claim_host(label)?;
        for at in 0..self.addresses.len() {
            let Some(&own) = self.addresses.get(at) else {
                break;
            };
            if let Err(full) = self.add_address_records(host, own.interface, own.subnet) {
                self.undo_host(host);
                return Err(full.into());
            }
        }
        Ok(host)
    }

    #[cfg_attr(target_os = "none", inline(never))]
    fn claim_host(&mut self, label: &str) -> Result<ClaimId, RegisterError> {
        let mut name = NameBuf::new();
        name.push_label(label.as_bytes())
            .and_then(|()| name.push_name(LOCAL))
            .map_err(|_| LabelError::TooLong { len: label.len() })?;
        if self.is_claimed(name.as_name()) {
            return Err(RegisterError::Taken);
        }
        Ok(self.add_claim(name.as_name(), Holder::Host)?)
    }

    pub(super) fn is_claimed(&self, name: Name<'_>) -> bool {
        self.names
            .find(name)
            .is_some_and(|id| self.claim_of(id).is_some())
    }

    /// Takes a half-made host back.
    fn undo_host(&mut self, host: ClaimId) {
        let Some(name) = self.claim(host).map(|claim| claim.name) else {
            return;
        };
        while self.names.first(name) != NONE {
            self.discard_record(self.names.first(name));
        }
        // Reverse records that lead to it.
        for id in 0..self.records.bound() {
            if self.records.get(id).is_some_and(|record| {
                record.claim.is_some() && record.stored == Stored::Name(RecordType::PTR, name)
            }) {
                self.discard_reverse(id);
            }
        }
        self.drop_claim(host);
    }

    /// The records that make an address known: forward, and back to the host that was added first.
    pub(crate) fn add_address_records(
        &mut self,
        host: ClaimId,
        interface: InterfaceId,
        subnet: Subnet,
    ) -> Result<(), Full> {
        let name = self.claim(host).ok_or(Full)?.name;
        let stored = match subnet.address {
            IpAddr::V4(address) => Stored::A(address.octets()),
            IpAddr::V6(address) => Stored::Aaaa(address.octets()),
        };
        let scope = Scope::Interface(interface);
        let forward = self.insert_record(OwnRecord::new(name, stored, scope, Some(host)))?;
        if self.default_host() != Some(host) {
            return Ok(());
        }
        let (claim, is_known) = match self.claim_reverse(subnet.address) {
            Ok(claim) => claim,
            Err(full) => {
                self.discard_record(forward);
                return Err(full);
            }
        };
        let owner = self.claim(claim).ok_or(Full)?.name;
        if let Err(full) = self.insert_record(OwnRecord::new(
            owner,
            Stored::Name(RecordType::PTR, name),
            scope,
            Some(claim),
        )) {
            if !is_known {
                self.drop_claim(claim);
            }
            self.discard_record(forward);
            return Err(full);
        }
        Ok(())
    }

    /// Whether a host has a record of this address on an interface.
    pub(crate) fn has_address_record(
        &self,
        host: ClaimId,
        interface: InterfaceId,
        address: IpAddr,
    ) -> bool {
        let rdata = match address {
            IpAddr::V4(address) => Rdata::A(address),
            IpAddr::V6(address) => Rdata::Aaaa(address),
        };
        let name = self.claim(host).map_or(NameId::NONE, |claim| claim.name);
        let is_its = |record: &OwnRecord| {
            record.claim == Some(host) && record.scope == Scope::Interface(interface)
        };
        self.find(name, &rdata, &is_its).is_some()
    }

    /// The claim of the reverse name of an address, and whether it was there before: two interfaces of one address share the
    /// name; each has its record.
    #[cfg_attr(target_os = "none", inline(never))]
    fn claim_reverse(&mut self, address: IpAddr) -> Result<(ClaimId, bool), Full> {
        let reverse = reverse_name(address);
        let known = self.names.find(reverse.as_name());
        match known.and_then(|name| self.claim_of(name)) {
            Some(claim) => Ok((claim, true)),
            None => Ok((self.add_claim(reverse.as_name(), Holder::Address)?, false)),
        }
    }

    /// Forgets a reverse record that was never said, and the claim with the last of its name.
    fn discard_reverse(&mut self, id: u32) {
        let Some(claim) = self.get(id).and_then(|record| record.claim) else {
            return;
        };
        self.discard_record(id);
        let Some(name) = self.claim(claim).map(|claim| claim.name) else {
            return;
        };
        if self.records_of(name).next().is_none() {
            self.drop_claim(claim);
        }
    }

    /// The host that was added first.
    pub(crate) fn default_host(&self) -> Option<ClaimId> {
        let hosts = self
            .claims()
            .filter(|(_, claim)| claim.holder == Holder::Host);
        hosts
            .min_by_key(|(_, claim)| claim.generation)
            .map(|(id, _)| id)
    }

    pub(crate) fn host_id(&self, claim: ClaimId) -> Option<HostId> {
        Some(HostId {
            claim: claim.get(),
            generation: self.claim(claim)?.generation,
        })
    }

    /// The claim behind a host's id, while it is registered.
    pub(crate) fn host(&self, id: HostId) -> Option<ClaimId> {
        let claim = self.claim(ClaimId::of(id.claim))?;
        (claim.generation == id.generation && claim.holder == Holder::Host)
            .then_some(ClaimId::of(id.claim))
    }
}
