//! Which worker reads an exporter: decided by its address alone, so that all its templates and data meet.
//!
//! For datagrams the kernel decides, by a classic BPF program on each group of sockets ([`Steering::program`]): it
//! loads the source address from the IP header, looks whether it is pinned, and hashes it. For everything else
//! (connections, saved state) [`Steering::worker_of`] decides the same. Ports play no part: an exporter may send its
//! options records from another port than its data, and keep neither over a restart.

use std::net::IpAddr;

use crate::model::network::Network;

/// The most workers that may be asked for.
pub const MAX_WORKERS: usize = 64;
/// The most instructions that the kernel takes (`BPF_MAXINSNS`).
const MAX_INSTRUCTIONS: usize = 4_096;
/// Worker that reads the pinned networks.
pub const PINNED: usize = 0;
/// Odd, with bits all over: Knuth's multiplier, 2³² divided by the golden ratio.
const MULTIPLIER: u32 = 0x9e37_79b1;

/// One of several workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Which, from 0.
    pub index: usize,
    /// How many there are, at least 1.
    pub count: usize,
}

impl Shard {
    /// The only worker.
    pub const WHOLE: Self = Self { index: 0, count: 1 };
}

/// One instruction of classic BPF, as `struct sock_filter` of <linux/filter.h> has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// Operation.
    pub code: u16,
    /// Instructions to skip when a comparison holds.
    pub jump_true: u8,
    /// Instructions to skip when it does not.
    pub jump_false: u8,
    /// Operand.
    pub operand: u32,
}

/// How exporters are spread over workers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Steering {
    workers: usize,
    pinned: Vec<Network>,
}

impl Default for Steering {
    /// Everything to one worker.
    fn default() -> Self {
        Self::new(1, Vec::new())
    }
}

impl Steering {
    /// Spreads over so many workers, 1 to [`MAX_WORKERS`]; all exporters of the pinned networks go to worker 0.
    pub fn new(workers: usize, pinned: Vec<Network>) -> Self {
        Self { workers: workers.clamp(1, MAX_WORKERS), pinned }
    }

    /// How many workers.
    pub const fn workers(&self) -> usize {
        self.workers
    }

    /// The worker that reads this exporter.
    pub fn worker_of(&self, address: IpAddr) -> usize {
        let address = address.to_canonical();
        if self.pinned.iter().any(|network| network.contains(address)) {
            return PINNED;
        }
        worker_of(address, self.workers)
    }

    /// The same as a program for a group of sockets; `None` if so many networks are pinned that the kernel would not
    /// take it.
    pub fn program(&self) -> Option<Vec<Instruction>> {
        let mut v4 = vec![load(LOAD_WORD, V4_SOURCE), plain(STORE, 0)];
        let mut v6: Vec<Instruction> =
            (0..4).flat_map(|word| [load(LOAD_WORD, V6_SOURCE + 4 * word), plain(STORE, word)]).collect();
        for network in &self.pinned {
            match network {
                Network::V4(first, length) => pin(&mut v4, &[first.to_bits()], *length),
                Network::V6(first, length) => pin(&mut v6, &words(first.to_bits()), *length),
            }
        }
        v4.push(plain(RECALL, 0));
        v6.push(plain(RECALL, 0));
        for word in 1..4 {
            v6.extend([
                plain(MULTIPLY, MULTIPLIER),
                plain(COPY_TO_X, 0),
                plain(RECALL, word),
                plain(XOR_X, 0),
            ]);
        }
        let workers = u32::try_from(self.workers).ok()?;
        v4.extend(finish(workers));
        v6.extend(finish(workers));
        let version = [
            load(LOAD_BYTE, 0),
            plain(SHIFT_RIGHT, 4),
            // IPv6 goes on with the jump, everything else behind it.
            Instruction { code: JUMP_IF_EQUAL, jump_true: 0, jump_false: 1, operand: 6 },
            plain(JUMP, u32::try_from(v4.len()).ok()?),
        ];
        let program = [&version[..], &v4, &v6].concat();
        (program.len() <= MAX_INSTRUCTIONS).then_some(program)
    }
}

/// The worker of an exporter that is not pinned.
pub fn worker_of(address: IpAddr, workers: usize) -> usize {
    let hash = match address.to_canonical() {
        IpAddr::V4(address) => address.to_bits(),
        IpAddr::V6(address) => words(address.to_bits())
            .into_iter()
            .fold(0, |hash: u32, word| hash.wrapping_mul(MULTIPLIER) ^ word),
    };
    let hash = (hash ^ (hash >> 16)).wrapping_mul(MULTIPLIER) >> 16;
    usize::try_from(hash).unwrap_or(0).checked_rem(workers).unwrap_or(0)
}

/// The four words of an IPv6 address, first to last.
fn words(bits: u128) -> [u32; 4] {
    [96, 64, 32, 0].map(|shift| u32::try_from((bits >> shift) & u128::from(u32::MAX)).unwrap_or(0))
}

/// Offsets count from the network header (`SKF_NET_OFF`).
const NETWORK_HEADER: u32 = (-0x10_0000_i32).cast_unsigned();
/// Source address in an IPv4 header.
const V4_SOURCE: u32 = 12;
/// Source address in an IPv6 header.
const V6_SOURCE: u32 = 8;

const LOAD_WORD: u16 = 0x20;
const LOAD_BYTE: u16 = 0x30;
const RECALL: u16 = 0x60;
const STORE: u16 = 0x02;
const COPY_TO_X: u16 = 0x07;
const MULTIPLY: u16 = 0x24;
const AND: u16 = 0x54;
const SHIFT_RIGHT: u16 = 0x74;
const REMAINDER: u16 = 0x94;
const XOR_X: u16 = 0xac;
const JUMP: u16 = 0x05;
const JUMP_IF_EQUAL: u16 = 0x15;
const RETURN: u16 = 0x06;
const RETURN_ACCUMULATOR: u16 = 0x16;

const fn plain(code: u16, operand: u32) -> Instruction {
    Instruction { code, jump_true: 0, jump_false: 0, operand }
}

/// Loads from an offset in the IP header.
const fn load(code: u16, offset: u32) -> Instruction {
    plain(code, NETWORK_HEADER.wrapping_add(offset))
}

/// Appends: an address, kept from memory word 0 on, that lies in this network goes to the pinned worker.
fn pin(program: &mut Vec<Instruction>, first: &[u32], length: u8) {
    let compared = first.iter().take(usize::from(length).div_ceil(32));
    let mut left = u8::try_from(compared.len()).unwrap_or(0);
    for (index, word) in (0_u8..).zip(compared) {
        let bits = u32::from(length - 32 * index).min(32);
        left -= 1;
        program.extend([
            plain(RECALL, index.into()),
            plain(AND, u32::MAX << (32 - bits)),
            Instruction { code: JUMP_IF_EQUAL, jump_true: 0, jump_false: 3 * left + 1, operand: *word },
        ]);
    }
    program.push(plain(RETURN, 0));
}

/// From the hash in the accumulator to the worker.
const fn finish(workers: u32) -> [Instruction; 7] {
    [
        plain(COPY_TO_X, 0),
        plain(SHIFT_RIGHT, 16),
        plain(XOR_X, 0),
        plain(MULTIPLY, MULTIPLIER),
        plain(SHIFT_RIGHT, 16),
        plain(REMAINDER, workers),
        plain(RETURN_ACCUMULATOR, 0),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_and_networks_of_one_pattern_are_spread_over_all_workers() {
        let patterns: [fn(u8) -> IpAddr; 4] = [
            |number| IpAddr::from([192, 0, 2, number]),
            |number| IpAddr::from([10, number, 0, 1]),
            |number| IpAddr::from([number, 0, 0, 1]),
            |number| IpAddr::from([0x2001, 0xdb8, 0, number.into(), 0, 0, 0, 1]),
        ];
        for (pattern, address) in patterns.iter().enumerate() {
            for workers in [2, 3, 4, 8] {
                let mut exporters = vec![0; workers];
                for number in 0..=u8::MAX {
                    exporters[worker_of(address(number), workers)] += 1;
                }
                let fair = 256 / workers;
                assert!(
                    exporters.iter().all(|count| (fair / 2..=2 * fair).contains(count)),
                    "pattern {pattern}: {exporters:?}"
                );
            }
        }
    }

    #[test]
    fn a_mapped_address_is_the_same_exporter() {
        let steering = Steering::new(7, vec!["192.0.2.0/28".parse().unwrap()]);
        for last in 0..=u8::MAX {
            let (plain, mapped) = (format!("192.0.2.{last}"), format!("::ffff:192.0.2.{last}"));
            let worker = steering.worker_of(plain.parse().unwrap());
            assert_eq!(steering.worker_of(mapped.parse().unwrap()), worker);
            assert!(worker == 0 || last >= 16);
        }
    }

    #[test]
    fn more_pinned_networks_than_the_kernel_takes_make_no_program() {
        let pinned =
            |count: u32| (0..count).map(|number| Network::containing(IpAddr::from(number.to_be_bytes()), 32));
        assert!(Steering::new(2, pinned(1_000).collect()).program().is_some());
        assert!(Steering::new(2, pinned(1_100).collect()).program().is_none());
    }
}
