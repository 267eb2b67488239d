//! An address range in CIDR notation.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A range of addresses with a common prefix; a single address is the longest prefix.
///
/// IPv4-mapped IPv6 is held as IPv4, as in flow records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Network {
    /// IPv4: the first address, and the prefix length 0 to 32.
    V4(Ipv4Addr, u8),
    /// IPv6: the first address, and the prefix length 0 to 128.
    V6(Ipv6Addr, u8),
}

impl FromStr for Network {
    type Err = String;

    /// Reads `192.0.2.7`, `10.0.0.0/8`, `2001:db8::1` or `2001:db8::/32`. The error says for people what
    /// to write instead.
    fn from_str(text: &str) -> Result<Self, String> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address = address.parse::<IpAddr>().map_err(|_| {
            format!(
                "{text:?} is no address: write one like 192.0.2.7, 10.0.0.0/8, 2001:db8::1 or 2001:db8::/32"
            )
        })?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let length = prefix.map_or(Some(longest), prefix_length).filter(|length| *length <= longest);
        let Some(length) = length else {
            return Err(format!(
                "{text:?} is no network: write a prefix length from 0 to {longest}, like {address}/{longest}"
            ));
        };
        let network = Self::containing(address, length);
        if network.first() != address.to_canonical() && network.first() != address {
            return Err(format!(
                "{text:?} has bits beyond its prefix: write {network}, or {address} for the one address"
            ));
        }
        Ok(network)
    }
}

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.to_string()
    }
}

impl Network {
    /// The network with this prefix length around an address; the length is cut to what fits.
    pub fn containing(address: IpAddr, length: u8) -> Self {
        match address {
            IpAddr::V4(address) => {
                let length = length.min(32);
                Self::V4(Ipv4Addr::from_bits(address.to_bits() & mask_v4(length)), length)
            }
            IpAddr::V6(address) => {
                let length = length.min(128);
                match address.to_ipv4_mapped() {
                    Some(mapped) if length >= 96 => Self::containing(IpAddr::V4(mapped), length - 96),
                    _ => Self::V6(Ipv6Addr::from_bits(address.to_bits() & mask_v6(length)), length),
                }
            }
        }
    }

    /// True when the address lies in the network. An IPv4 network holds no IPv6 address, and the reverse.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (*self, address) {
            (Self::V4(first, length), IpAddr::V4(address)) => {
                address.to_bits() & mask_v4(length) == first.to_bits()
            }
            (Self::V6(first, length), IpAddr::V6(address)) => {
                address.to_bits() & mask_v6(length) == first.to_bits()
            }
            _ => false,
        }
    }

    /// Length of the prefix, up to 32 for IPv4 and 128 for IPv6.
    pub const fn prefix_length(&self) -> u8 {
        match *self {
            Self::V4(_, length) | Self::V6(_, length) => length,
        }
    }

    /// The last address.
    pub const fn last(&self) -> IpAddr {
        match *self {
            Self::V4(first, length) => IpAddr::V4(Ipv4Addr::from_bits(first.to_bits() | !mask_v4(length))),
            Self::V6(first, length) => IpAddr::V6(Ipv6Addr::from_bits(first.to_bits() | !mask_v6(length))),
        }
    }

    /// The first address.
    pub const fn first(&self) -> IpAddr {
        match *self {
            Self::V4(first, _) => IpAddr::V4(first),
            Self::V6(first, _) => IpAddr::V6(first),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(first, 32) => first.fmt(formatter),
            Self::V6(first, 128) => first.fmt(formatter),
            Self::V4(first, length) => write!(formatter, "{first}/{length}"),
            Self::V6(first, length) => write!(formatter, "{first}/{length}"),
        }
    }
}

fn prefix_length(text: &str) -> Option<u8> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

const fn mask_v4(length: u8) -> u32 {
    // At most 32, so that widening loses nothing; a shift by all bits is a mask of none.
    match u32::MAX.checked_shl(32 - if length < 32 { length as u32 } else { 32 }) {
        Some(mask) => mask,
        None => 0,
    }
}

const fn mask_v6(length: u8) -> u128 {
    match u128::MAX.checked_shl(128 - if length < 128 { length as u32 } else { 128 }) {
        Some(mask) => mask,
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_that_is_written_wrong_is_answered_with_what_to_write() {
        let wrong = |text: &str| text.parse::<Network>().unwrap_err();
        assert!(wrong("10.0.0.1/8").contains("write 10.0.0.0/8"));
        assert!(wrong("10.0.0.0/33").contains("0 to 32"));
        assert!(wrong("office").contains("192.0.2.7"));
        assert_eq!("::ffff:10.0.0.0/104".parse::<Network>().unwrap().to_string(), "10.0.0.0/8");
        assert_eq!("192.0.2.7/32".parse::<Network>().unwrap().to_string(), "192.0.2.7");
    }

    #[test]
    fn the_last_address_is_the_one_before_the_next_network() {
        let last = |text: &str| text.parse::<Network>().unwrap().last().to_string();
        assert_eq!(last("10.0.0.0/8"), "10.255.255.255");
        assert_eq!(last("0.0.0.0/0"), "255.255.255.255");
        assert_eq!(last("2001:db8::/33"), "2001:db8:7fff:ffff:ffff:ffff:ffff:ffff");
        assert_eq!(last("::1"), "::1");
    }
}
