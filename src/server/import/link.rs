//! From a captured packet to the IP packet in it.

/// `LINKTYPE_` numbers that are understood.
const NULL: u16 = 0;
const ETHERNET: u16 = 1;
/// Raw IP: as registered, and as two systems number it in files.
const RAW: [u16; 3] = [101, 12, 14];
const LOOP: u16 = 108;
const LINUX_COOKED: u16 = 113;
const IPV4: u16 = 228;
const IPV6: u16 = 229;
const LINUX_COOKED_V2: u16 = 276;

const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_IPV6: u16 = 0x86dd;
/// 802.1Q, 802.1ad, and what was used for Q-in-Q before it.
const ETHERTYPES_VLAN: [u16; 4] = [0x8100, 0x88a8, 0x9100, 0x9200];
/// More tags than any network stacks.
const MOST_TAGS: usize = 8;

/// What a packet carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carried<'a> {
    /// An IP packet, maybe with padding behind it.
    Ip(&'a [u8]),
    /// Something else, such as ARP.
    Other,
    /// The link layer's header does not fit into it.
    Truncated,
    /// A link type that is not understood.
    Unsupported,
}

/// Takes the link layer's headers off.
#[inline]
pub fn carried(link_type: u16, data: &[u8]) -> Carried<'_> {
    match link_type {
        ETHERNET => by_ethertype(data, 12, 14),
        LINUX_COOKED => by_ethertype(data, 14, 16),
        LINUX_COOKED_V2 => by_ethertype(data, 0, 20),
        // An address family, which differs between systems: the IP version says the same.
        NULL | LOOP => data.get(4..).map_or(Carried::Truncated, by_version),
        IPV4 | IPV6 => by_version(data),
        raw if RAW.contains(&raw) => by_version(data),
        _ => Carried::Unsupported,
    }
}

/// The ethertype at a place and the payload at another, which VLAN tags move by four bytes each.
fn by_ethertype(data: &[u8], type_at: usize, payload_at: usize) -> Carried<'_> {
    let (mut type_at, mut payload_at) = (type_at, payload_at);
    for _ in 0..=MOST_TAGS {
        let bytes = data.get(type_at..).and_then(|rest| rest.first_chunk::<2>());
        let (Some(bytes), Some(payload)) = (bytes, data.get(payload_at..)) else { return Carried::Truncated };
        match u16::from_be_bytes(*bytes) {
            ETHERTYPE_IPV4 | ETHERTYPE_IPV6 => return Carried::Ip(payload),
            tag if ETHERTYPES_VLAN.contains(&tag) => {
                // Behind the tag's two bytes of priority and id comes the next type.
                type_at = payload_at + 2;
                payload_at += 4;
            }
            _ => return Carried::Other,
        }
    }
    Carried::Other
}

fn by_version(data: &[u8]) -> Carried<'_> {
    match data.first().map(|first| first >> 4) {
        Some(4 | 6) => Carried::Ip(data),
        Some(_) => Carried::Other,
        None => Carried::Truncated,
    }
}
