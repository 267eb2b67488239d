//! IPv4 addresses inside IPv6 addresses.
//!
//! Databases know the IPv4 address, not its wrapping: a 6to4, Teredo, NAT64 or mapped address is located by the
//! IPv4 address of the host that it stands for.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The IPv4 address that an IPv6 address of a transition mechanism stands for.
///
/// IPv4-mapped `::ffff:0:0/96`, NAT64 `64:ff9b::/96` (RFC 6052), 6to4 `2002::/16` (RFC 3056) and Teredo
/// `2001::/32`, whose client address is the inverted last 32 bits (RFC 4380 §4).
#[inline]
pub(super) const fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [first, second, third, fourth, fifth, sixth, seventh, eighth] = address.segments();
    match (first, second, third, fourth, fifth, sixth) {
        (0, 0, 0, 0, 0, 0xffff) | (0x64, 0xff9b, 0, 0, 0, 0) => Some(joined(seventh, eighth)),
        (0x2002, high, low, ..) => Some(joined(high, low)),
        (0x2001, 0, ..) => Some(joined(!seventh, !eighth)),
        _ => None,
    }
}

/// The address that databases know: the embedded IPv4 address where there is one, else the address itself.
#[inline]
pub(super) fn unwrapped(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => embedded_v4(v6).map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

const fn joined(high: u16, low: u16) -> Ipv4Addr {
    let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
    Ipv4Addr::new(a, b, c, d)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_behind_a_transition_address_is_found() {
        let london = Some(Ipv4Addr::new(81, 2, 69, 142));
        for (address, expected) in [
            ("::ffff:81.2.69.142", london),
            ("64:ff9b::81.2.69.142", london),
            ("2002:5102:458e::1", london),
            ("2001:0:4136:e378:8000:63bf:aefd:ba71", london),
            ("2001:1::1", None),
            ("::1", None),
            ("2001:480::1", None),
        ] {
            assert_eq!(embedded_v4(address.parse().unwrap()), expected, "{address}");
        }
    }
}
