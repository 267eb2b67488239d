//! Capture files in the classic format, written by hand.

/// `LINKTYPE_ETHERNET`.
pub const ETHERNET: u16 = 1;

/// How numbers and times are written.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    pub is_big_endian: bool,
    pub has_nanoseconds: bool,
}

impl Layout {
    pub const USUAL: Self = Self { is_big_endian: false, has_nanoseconds: false };

    pub fn put(self, bytes: &mut Vec<u8>, number: u32) {
        bytes.extend(if self.is_big_endian { number.to_be_bytes() } else { number.to_le_bytes() });
    }
}

/// A capture of packets, each with its time in microseconds since 1970.
pub fn pcap<'p>(
    layout: Layout,
    link_type: u16,
    packets: impl IntoIterator<Item = (i64, &'p [u8])>,
) -> Vec<u8> {
    let mut bytes = Vec::new();
    layout.put(&mut bytes, if layout.has_nanoseconds { 0xa1b2_3c4d } else { 0xa1b2_c3d4 });
    let version: [u16; 2] = [2, 4];
    for number in version {
        bytes.extend(if layout.is_big_endian { number.to_be_bytes() } else { number.to_le_bytes() });
    }
    for number in [0, 0, 262_144, u32::from(link_type)] {
        layout.put(&mut bytes, number);
    }
    for (time_us, packet) in packets {
        let below_second = u32::try_from(time_us.rem_euclid(1_000_000)).unwrap();
        let length = u32::try_from(packet.len()).unwrap();
        let fraction = if layout.has_nanoseconds { below_second * 1000 + 999 } else { below_second };
        for number in [u32::try_from(time_us.div_euclid(1_000_000)).unwrap(), fraction, length, length] {
            layout.put(&mut bytes, number);
        }
        bytes.extend(packet);
    }
    bytes
}
