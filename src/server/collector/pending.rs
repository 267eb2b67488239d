//! Data sets that wait for their template.
//!
//! Bounded in bytes, in all and for each exporter, so that one exporter without templates cannot take
//! the room of the others. A set that finds no room is refused; one that waited ten minutes is given up
//! (Cisco sends templates every ten minutes by default).

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use crate::server::wire::template_cache::Key;

use super::normalize::Origin;

/// Bytes that a held set takes beside its own, at most: its entry in the table and its queue.
const OVERHEAD_BYTES: usize = 512;

/// A data set that waits.
#[derive(Clone, Debug)]
pub struct Held {
    /// When its datagram was received, microseconds since 1970.
    pub received_us: i64,
    /// What its message said.
    pub origin: Origin,
    /// Where its body began in its datagram.
    pub offset: usize,
    /// Its body.
    pub body: Box<[u8]>,
}

impl Held {
    fn size(&self) -> usize {
        self.body.len().saturating_add(OVERHEAD_BYTES)
    }
}

/// All data sets that wait.
#[derive(Clone, Debug, Default)]
pub struct Pending {
    sets: HashMap<(IpAddr, Key), VecDeque<Held>>,
    bytes: usize,
    bytes_by_exporter: HashMap<IpAddr, usize>,
}

impl Pending {
    /// Holds a set, unless it finds no room: then false.
    pub fn hold(
        &mut self,
        exporter: IpAddr,
        key: Key,
        held: Held,
        max_bytes: usize,
        max_bytes_per_exporter: usize,
    ) -> bool {
        let of_exporter = self.bytes_by_exporter.get(&exporter).copied().unwrap_or(0);
        let size = held.size();
        if self.bytes + size > max_bytes || of_exporter + size > max_bytes_per_exporter {
            return false;
        }
        self.bytes += size;
        *self.bytes_by_exporter.entry(exporter).or_default() += size;
        self.sets.entry((exporter, key)).or_default().push_back(held);
        true
    }

    /// Takes out what waits for a template, in the order received.
    pub fn take(&mut self, exporter: IpAddr, key: Key) -> VecDeque<Held> {
        if self.sets.is_empty() {
            return VecDeque::new();
        }
        let taken = self.sets.remove(&(exporter, key)).unwrap_or_default();
        self.release(exporter, taken.iter().map(Held::size).sum());
        taken
    }

    /// Drops what was received before a time; `given_up` learns whose sets and how many.
    pub fn expire(&mut self, before_us: i64, mut given_up: impl FnMut(IpAddr, u64)) {
        let mut released = Vec::new();
        self.sets.retain(|(exporter, _), sets| {
            let (mut count, mut bytes) = (0, 0);
            while let Some(held) = sets.pop_front_if(|held| held.received_us < before_us) {
                count += 1;
                bytes += held.size();
            }
            if count > 0 {
                given_up(*exporter, count);
                released.push((*exporter, bytes));
            }
            !sets.is_empty()
        });
        for (exporter, bytes) in released {
            self.release(exporter, bytes);
        }
    }

    /// Drops all that waits for templates of exporters that are no longer known; returns how many sets.
    pub fn forget_unknown(&mut self, is_known: impl Fn(&IpAddr) -> bool) -> u64 {
        let (mut count, mut bytes) = (0, 0);
        self.sets.retain(|(exporter, _), sets| {
            let is_kept = is_known(exporter);
            if !is_kept {
                count += sets.len() as u64;
                bytes += sets.iter().map(Held::size).sum::<usize>();
            }
            is_kept
        });
        self.bytes_by_exporter.retain(|exporter, _| is_known(exporter));
        self.bytes = self.bytes.saturating_sub(bytes);
        count
    }

    fn release(&mut self, exporter: IpAddr, bytes: usize) {
        self.bytes = self.bytes.saturating_sub(bytes);
        if let Some(of_exporter) = self.bytes_by_exporter.get_mut(&exporter) {
            *of_exporter = of_exporter.saturating_sub(bytes);
            if *of_exporter == 0 {
                self.bytes_by_exporter.remove(&exporter);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::exporter::Protocol;
    use crate::model::flow_record::ExporterId;

    const KEY: Key =
        Key { source_port: 1, protocol: Protocol::Ipfix, observation_domain: 0, template_id: 256 };

    fn exporter(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    fn held(received_us: i64, length: usize) -> Held {
        let origin = Origin {
            exporter: ExporterId(0),
            observation_domain: 0,
            received_ms: 0,
            export_ms: 0,
            uptime_ms: None,
            system_init_ms: None,
        };
        Held { received_us, origin, offset: 20, body: vec![0; length].into() }
    }

    #[test]
    fn one_exporter_cannot_take_the_room_of_another() {
        let mut pending = Pending::default();
        let size = 100 + OVERHEAD_BYTES;
        let mut hold = |last| pending.hold(exporter(last), KEY, held(0, 100), 3 * size, 2 * size);
        assert_eq!([1, 1, 1, 2, 2].map(&mut hold), [true, true, false, true, false]);
        assert_eq!(pending.take(exporter(1), KEY).len(), 2);
        assert!(pending.hold(exporter(2), KEY, held(0, 100), 3 * size, 2 * size));
        assert_eq!(pending.forget_unknown(|known| *known == exporter(1)), 2);
        assert_eq!((pending.bytes, pending.bytes_by_exporter.len()), (0, 0));
    }

    #[test]
    fn sets_are_given_up_by_age_and_their_room_is_free_again() {
        let mut pending = Pending::default();
        for received_us in [10, 20, 30] {
            assert!(pending.hold(exporter(1), KEY, held(received_us, 10), 1 << 20, 1 << 20));
        }
        let mut given_up = Vec::new();
        pending.expire(25, |exporter, count| given_up.push((exporter, count)));
        assert_eq!(given_up, [(exporter(1), 2)]);
        assert_eq!(pending.bytes, 10 + OVERHEAD_BYTES);
        assert_eq!(pending.take(exporter(1), KEY).len(), 1);
        assert_eq!(pending.bytes, 0);
    }
}
