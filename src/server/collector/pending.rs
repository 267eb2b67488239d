//! Data sets that wait for their template.
//!
//! Bounded in bytes, in all and for each exporter, so that one exporter without templates cannot take
//! the room of the others. A set that finds no room is refused; one that waited ten minutes is given up
//! (Cisco sends templates every ten minutes by default). When a template comes, what waited for it is
//! ready, and taken out set by set: so no datagram, however small, costs more than a bounded time.

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
    /// Sequence number of its message.
    pub sequence: u32,
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

/// What waits for one template, in the order received.
#[derive(Clone, Debug, Default)]
struct Waiting {
    sets: VecDeque<Held>,
    is_ready: bool,
}

/// All data sets that wait.
#[derive(Clone, Debug, Default)]
pub struct Pending {
    sets: HashMap<(IpAddr, Key), Waiting>,
    /// Whose templates have come, in that order. May name sets that are gone or no longer ready.
    ready: VecDeque<(IpAddr, Key)>,
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
        self.sets.entry((exporter, key)).or_default().sets.push_back(held);
        true
    }

    /// A template has come: what waits for it is ready.
    pub fn make_ready(&mut self, exporter: IpAddr, key: Key) {
        if self.sets.is_empty() {
            return;
        }
        if let Some(waiting) = self.sets.get_mut(&(exporter, key))
            && !waiting.is_ready
        {
            waiting.is_ready = true;
            self.ready.push_back((exporter, key));
        }
    }

    /// The oldest set of the template that came first.
    pub fn first_ready(&mut self) -> Option<(IpAddr, Key, &Held)> {
        while let Some(name) = self.ready.front() {
            if self.sets.get(name).is_some_and(|waiting| waiting.is_ready) {
                break;
            }
            self.ready.pop_front();
        }
        let name = self.ready.front()?;
        Some((name.0, name.1, self.sets.get(name)?.sets.front()?))
    }

    /// Takes out [`Self::first_ready`].
    pub fn take_ready(&mut self) -> Option<Held> {
        let name = *self.ready.front()?;
        let waiting = self.sets.get_mut(&name)?;
        let held = waiting.sets.pop_front()?;
        if waiting.sets.is_empty() {
            self.sets.remove(&name);
            self.ready.pop_front();
        }
        self.release(name.0, held.size());
        Some(held)
    }

    /// The template that came first was forgotten: what is left waits for it again.
    pub fn wait_again(&mut self) {
        if let Some(waiting) = self.ready.pop_front().and_then(|name| self.sets.get_mut(&name)) {
            waiting.is_ready = false;
        }
    }

    /// Drops what was received before a time; `given_up` learns of each set.
    pub fn expire(&mut self, before_us: i64, mut given_up: impl FnMut(IpAddr, Key, &Held)) {
        let mut released = Vec::new();
        self.sets.retain(|(exporter, key), Waiting { sets, .. }| {
            let mut bytes = 0;
            while let Some(held) = sets.pop_front_if(|held| held.received_us < before_us) {
                bytes += held.size();
                given_up(*exporter, *key, &held);
            }
            if bytes > 0 {
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
        self.sets.retain(|(exporter, _), Waiting { sets, .. }| {
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
    use crate::server::wire::transport_session::TransportSession;

    const KEY: Key = Key {
        session: TransportSession::Udp { source_port: 1 },
        protocol: Protocol::Ipfix,
        observation_domain: 0,
        template_id: 256,
    };

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
        Held { received_us, sequence: 0, origin, offset: 20, body: vec![0; length].into() }
    }

    #[test]
    fn one_exporter_cannot_take_the_room_of_another() {
        let mut pending = Pending::default();
        let size = 100 + OVERHEAD_BYTES;
        let mut hold = |last| pending.hold(exporter(last), KEY, held(0, 100), 3 * size, 2 * size);
        assert_eq!([1, 1, 1, 2, 2].map(&mut hold), [true, true, false, true, false]);
        pending.make_ready(exporter(1), KEY);
        assert!(pending.take_ready().is_some() && pending.take_ready().is_some());
        assert!(pending.first_ready().is_none());
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
        pending.expire(25, |exporter, _, held| given_up.push((exporter, held.received_us)));
        assert_eq!(given_up, [(exporter(1), 10), (exporter(1), 20)]);
        assert_eq!(pending.bytes, 10 + OVERHEAD_BYTES);
        pending.make_ready(exporter(1), KEY);
        assert_eq!(pending.take_ready().map(|held| held.received_us), Some(30));
        assert_eq!((pending.bytes, pending.take_ready().is_none()), (0, true));
    }

    #[test]
    fn what_is_ready_waits_again_when_its_template_is_forgotten_and_may_expire() {
        let mut pending = Pending::default();
        assert!(pending.hold(exporter(1), KEY, held(10, 10), 1 << 20, 1 << 20));
        pending.make_ready(exporter(1), KEY);
        pending.wait_again();
        assert!(pending.first_ready().is_none());
        pending.make_ready(exporter(1), KEY);
        pending.expire(11, |_, _, _| {});
        assert!(pending.hold(exporter(1), KEY, held(20, 10), 1 << 20, 1 << 20));
        assert!(pending.first_ready().is_none(), "these wait for the next template");
    }
}
