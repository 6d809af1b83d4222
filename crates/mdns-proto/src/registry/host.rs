//! Hosts: a name, the addresses of the interfaces under it, and the way back from them (RFC 6762 §4, §6.2).

use core::{net::IpAddr, num::NonZero};

use super::{
    ClaimId, Holder, Kind, Need, RecordNumber, RegisterError, Registry, RegistryStorage, rename,
};
use crate::{
    link::{InterfaceId, Subnet},
    moment::Now,
    name::{LOCAL, LabelError, NameBuf, check_host, reverse_name},
    store::{Full, Id, Raw},
    wire::Rdata,
};

/// A host that answers for the addresses of our interfaces: the number [`add_host`](crate::host::Host::add_host) gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HostId {
    pub(crate) claim: u32,
    pub(crate) generation: u32,
}

/// An address of one of our interfaces.
#[derive(Debug, Clone, Copy)]
pub struct AddressRow {
    pub(super) interface: InterfaceId,
    pub(super) subnet: Subnet,
    /// How many records there are of it, leaving ones too.
    pub(super) users: Raw,
    /// Whether the interface has lost it: then it is there for its goodbyes.
    is_gone: bool,
}

impl<S: RegistryStorage> Registry<S> {
    /// Claims a host name and makes its address records. On an error nothing has changed.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn add_host(&mut self, label: &str) -> Result<ClaimId, RegisterError> {
        check_host(label)?;
        let mut name = NameBuf::new();
        name.push_label(label.as_bytes())
            .and_then(|()| name.push_name(LOCAL))
            .map_err(|_| LabelError::TooLong { len: label.len() })?;
        if self.claim_named(name.as_name()).is_some() {
            return Err(RegisterError::Taken);
        }
        let is_first = self.default_host.is_none();
        let mut need = Need::default();
        need.claim(name.as_name());
        for (_, row) in self.addresses.iter().filter(|(_, row)| !row.is_gone) {
            self.need_address(&mut need, row.subnet.address, is_first);
        }
        self.check_need(&need)?;
        let number = rename::Form::Host.number(label.as_bytes());
        let host = self.add_claim(name.as_name(), Holder::Host, number)?;
        if is_first {
            self.default_host = Some(host);
        }
        for at in 0..self.addresses.bound() {
            if self.addresses.get(at).is_some_and(|row| !row.is_gone) {
                self.add_address_records(host, at)?;
            }
        }
        Ok(host)
    }

    /// Counts the records of an address: forward, and back where the host `is_first`.
    fn need_address(&self, need: &mut Need, address: IpAddr, is_first: bool) {
        need.records += 1;
        if !is_first {
            return;
        }
        need.records += 1;
        let name = reverse_name(address);
        if self.claim_named(name.as_name()).is_none() {
            need.claim(name.as_name());
        }
    }

    /// Makes the records of an address: forward, and back to the host that was added first. On an error nothing has changed.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn add_address_records(&mut self, host: ClaimId, address: u32) -> Result<(), Full> {
        let ip = self.addresses.get(address).ok_or(Full)?.subnet.address;
        let is_first = self.default_host == Some(host);
        let mut need = Need::default();
        self.need_address(&mut need, ip, is_first);
        self.check_need(&need)?;
        self.insert_record(Kind::Address, address, Some(host), Id::NONE)?;
        if is_first {
            // Two interfaces of one address share the name; each has its record.
            let name = reverse_name(ip);
            let claim = match self.claim_named(name.as_name()) {
                Some(claim) => claim,
                None => self.add_claim(name.as_name(), Holder::Address, NonZero::<u32>::MIN)?,
            };
            self.insert_record(Kind::Reverse, address, Some(claim), Id::of(host.get()))?;
        }
        Ok(())
    }

    /// Whether a host has the record of an address: it may have found no room before.
    pub(crate) fn has_address_record(&self, host: ClaimId, address: u32) -> bool {
        let Some(row) = self.addresses.get(address) else {
            return false;
        };
        let rdata = match row.subnet.address {
            IpAddr::V4(address) => Rdata::A(address),
            IpAddr::V6(address) => Rdata::Aaaa(address),
        };
        let is_its = |id| {
            self.is_under(id, host) && self.address_of(id).is_some_and(|(of, _)| of == address)
        };
        self.find(self.claim_name(host), &rdata, &is_its).is_some()
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

    /// Whether a record is an address of a host, or leads back to it.
    pub(crate) fn is_of_host(&self, id: RecordNumber, host: ClaimId) -> bool {
        let of = Id::of(host.get());
        self.row(id)
            .is_some_and(|row| row.claim == of || (row.kind == Kind::Reverse && row.more == of))
    }

    // --- addresses ---

    /// The addresses of an interface.
    pub(crate) fn addresses(&self, interface: InterfaceId) -> impl Iterator<Item = Subnet> {
        self.addresses
            .iter()
            .filter(move |(_, row)| row.interface == interface && !row.is_gone)
            .map(|(_, row)| row.subnet)
    }

    pub(crate) fn has_address(&self, address: IpAddr) -> bool {
        self.addresses
            .iter()
            .any(|(_, row)| row.subnet.address == address && !row.is_gone)
    }

    /// The address behind an address record or a reverse one.
    pub(crate) fn address_of(&self, id: RecordNumber) -> Option<(u32, IpAddr)> {
        let row = self.row(id)?;
        let is_of_address = matches!(row.kind, Kind::Address | Kind::Reverse);
        let of = row.of.get();
        Some((
            of,
            self.addresses
                .get(of)
                .filter(|_| is_of_address)?
                .subnet
                .address,
        ))
    }

    /// Adds an address to an interface, without records.
    pub(crate) fn add_address(
        &mut self,
        interface: InterfaceId,
        subnet: Subnet,
    ) -> Result<u32, Full> {
        self.addresses.insert(
            AddressRow {
                interface,
                subnet,
                users: 0,
                is_gone: false,
            },
            self.records_max,
        )
    }

    /// Sets the network around an address. Returns its number; `None` if the interface does not have it.
    pub(crate) fn set_subnet(&mut self, interface: InterfaceId, subnet: Subnet) -> Option<u32> {
        let mut rows = self.addresses.iter_mut();
        let (id, row) = rows.find(|(_, row)| {
            row.interface == interface && row.subnet.address == subnet.address && !row.is_gone
        })?;
        row.subnet = subnet;
        Some(id)
    }

    /// An address that the interface has lost: it is ours no more, and its number; the caller withdraws its records, while it is
    /// [held](Self::hold_address).
    pub(crate) fn lose_address(
        &mut self,
        now: Now,
        interface: InterfaceId,
        address: IpAddr,
    ) -> Option<u32> {
        let hash = self.address_hash(address);
        self.recent.remember(now, hash);
        let mut rows = self.addresses.iter_mut();
        let (id, row) = rows.find(|(_, row)| {
            row.interface == interface && row.subnet.address == address && !row.is_gone
        })?;
        row.is_gone = true;
        Some(id)
    }

    pub(crate) fn hold_address(&mut self, id: u32) {
        if let Some(row) = self.addresses.get_mut(id) {
            row.users += 1;
        }
    }

    pub(crate) fn release_address(&mut self, id: u32) {
        if let Some(row) = self.addresses.get_mut(id) {
            row.users = row.users.saturating_sub(1);
        }
        self.free_address(id);
    }

    /// Forgets an address that is gone and of which there is no record any more.
    pub(super) fn free_address(&mut self, id: u32) {
        if self
            .addresses
            .get(id)
            .is_some_and(|row| row.users == 0 && row.is_gone)
        {
            self.addresses.vacate(id);
        }
    }
}
