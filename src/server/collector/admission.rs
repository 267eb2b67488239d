//! Whose datagrams are taken, and who was seen and turned away.
//!
//! Judged is where packets come from: the source address of UDP, the peer of a TCP connection. What a datagram
//! says about its exporter (the agent address of sFlow) does not count: anybody can write it, and reading it
//! would already be work for a stranger. So an sFlow agent behind a proxy is admitted by the proxy's address.
//!
//! No state is made for those who are turned away but a line in a table of [`MAX_NOT_ADMITTED`], so that
//! somebody who adds a router sees why nothing comes. In a full table a new source takes the place of the one
//! longest silent, which is counted: spoofed sources can push lines out, never anything else.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::model::admission::NotAdmitted;
use crate::model::network::Network;

/// Sources listed as seen and not admitted.
pub const MAX_NOT_ADMITTED: usize = 64;

/// Who may export to this collector.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Admission {
    networks: Vec<Network>,
}

impl Admission {
    /// Admits the addresses of these networks; with none of them, everybody.
    pub const fn new(networks: Vec<Network>) -> Self {
        Self { networks }
    }

    /// True when datagrams and connections from this address are taken. IPv4-mapped IPv6 is judged as IPv4.
    pub fn admits(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.is_empty() || self.networks.iter().any(|network| network.contains(address))
    }

    /// The networks admitted; none means everybody.
    pub fn networks(&self) -> &[Network] {
        &self.networks
    }

    /// Admits one address more, if not everybody is admitted anyway.
    pub fn admit(&mut self, address: IpAddr) {
        if !self.admits(address) {
            self.networks.push(Network::containing(address, u8::MAX));
        }
    }
}

/// Who was seen and not admitted.
#[derive(Clone, Debug, Default)]
pub struct TurnedAway {
    sources: HashMap<IpAddr, Seen>,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    first_us: i64,
    last_us: i64,
    datagrams: u64,
}

impl TurnedAway {
    /// Notes a datagram or a connection that was refused. True when another source lost its line for it.
    pub fn saw(&mut self, source: IpAddr, now_us: i64) -> bool {
        if let Some(seen) = self.sources.get_mut(&source) {
            seen.last_us = now_us;
            seen.datagrams += 1;
            return false;
        }
        let mut is_replaced = false;
        if self.sources.len() >= MAX_NOT_ADMITTED {
            let longest_silent = self.sources.iter().min_by_key(|(_, seen)| seen.last_us);
            if let Some(source) = longest_silent.map(|(source, _)| *source) {
                self.sources.remove(&source);
                is_replaced = true;
            }
        }
        self.sources.insert(source, Seen { first_us: now_us, last_us: now_us, datagrams: 1 });
        is_replaced
    }

    /// The table, the one heard last first.
    pub fn list(&self) -> Vec<NotAdmitted> {
        let listed = self.sources.iter().map(|(address, seen)| NotAdmitted {
            address: *address,
            first_seen_ms: seen.first_us.div_euclid(1000),
            last_seen_ms: seen.last_us.div_euclid(1000),
            datagrams: seen.datagrams,
        });
        let mut listed: Vec<_> = listed.collect();
        listed.sort_unstable_by_key(|seen| (std::cmp::Reverse(seen.last_seen_ms), seen.address));
        listed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_networks_are_admitted_and_without_a_list_everybody() {
        let admission =
            Admission::new(vec!["192.0.2.0/24".parse().unwrap(), "2001:db8::/32".parse().unwrap()]);
        for admitted in ["192.0.2.7", "::ffff:192.0.2.7", "2001:db8::1"] {
            assert!(admission.admits(admitted.parse().unwrap()), "{admitted}");
        }
        for refused in ["192.0.3.7", "::ffff:192.0.3.7", "2001:db9::1", "::192.0.2.7"] {
            assert!(!admission.admits(refused.parse().unwrap()), "{refused}");
        }
        assert!(Admission::default().admits("203.0.113.1".parse().unwrap()));
    }
}
