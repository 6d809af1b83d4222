//! A rule by which the kernel sends the ARP packets of link-local addresses to all (RFC 3927 §2.5). Nothing but nftables can change that.

use std::process::Stdio;

use tokio::{io::AsyncWriteExt as _, process::Command};

use crate::error::Error;

/// A rule that is installed.
#[derive(Debug)]
pub(crate) struct Rule {
    table: String,
}

impl Rule {
    /// Installs the rule in a table of its own, in place of one that an earlier run has left behind.
    pub(crate) async fn install(interface: &str, index: u32) -> Result<Self, Error> {
        let table = format!("ipv4ll_{index}");
        // In the language of nft a name is a string: a quote in it would end it.
        if interface.contains(['"', '\\', '\n']) {
            return Err(Error::Rule(format!(
                "the name `{interface}` cannot be written in a rule"
            )));
        }
        let rules = format!(
            "add table netdev {table}\n\
             delete table netdev {table}\n\
             table netdev {table} {{\n\
               chain egress {{\n\
                 type filter hook egress device \"{interface}\" priority 0\n\
                 arp saddr ip 169.254.0.0/16 ether daddr set ff:ff:ff:ff:ff:ff\n\
               }}\n\
             }}\n"
        );
        run(&rules).await?;
        Ok(Rule { table })
    }

    /// Removes the rule again.
    pub(crate) async fn remove(self) -> Result<(), Error> {
        run(&format!("delete table netdev {}\n", self.table)).await
    }
}

async fn run(rules: &str) -> Result<(), Error> {
    let fault = |error: std::io::Error| Error::Rule(error.to_string());
    let mut nft = Command::new("nft")
        .args(["-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| Error::Rule(format!("nft cannot be run: {error}")))?;
    if let Some(mut input) = nft.stdin.take() {
        input.write_all(rules.as_bytes()).await.map_err(fault)?;
    }
    let output = nft.wait_with_output().await.map_err(fault)?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    Err(Error::Rule(
        text.lines().next().unwrap_or_default().to_owned(),
    ))
}
