//! Puts fragmented UDP datagrams together (RFC 791, RFC 8200 §4.5).
//!
//! At most [`MOST_OPEN`] datagrams are open at a time, each of at most 65,535 bytes; one more takes the place
//! of the one longest without a fragment, which is counted as incomplete. So is one whose fragments
//! contradict each other, or that got none for [`TIMEOUT_US`] of the capture's clock.

use std::collections::HashMap;
use std::net::IpAddr;

/// Datagrams that are put together at a time.
pub const MOST_OPEN: usize = 256;
/// How long a datagram waits for its next fragment, microseconds.
pub const TIMEOUT_US: i64 = 60_000_000;
/// What an IP packet can hold.
const MOST_BYTES: usize = 65_535;
/// Gaps in a datagram at a time: an honest one has as many as it has fragments that were overtaken.
const MOST_PIECES: usize = 64;

/// Which datagram a fragment is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// Identification, 16 or 32 bits.
    pub identification: u32,
}

/// A fragment of a datagram.
#[derive(Clone, Copy, Debug)]
pub struct Fragment<'a> {
    /// Where its bytes belong.
    pub offset: usize,
    /// False for the last one.
    pub has_more: bool,
    /// Its bytes.
    pub payload: &'a [u8],
}

#[derive(Debug)]
struct Open {
    bytes: Vec<u8>,
    /// What is there, as start and end, in order, never touching each other.
    pieces: Vec<(usize, usize)>,
    length: Option<usize>,
    latest_us: i64,
    /// Number of its latest fragment.
    serial: u64,
}

/// Datagrams of which some fragments are there.
#[derive(Debug, Default)]
pub struct Fragments {
    open: HashMap<Key, Open>,
    serial: u64,
    incomplete: u64,
}

impl Fragments {
    /// Takes a fragment; the whole IP payload when it was the last that was missing.
    pub fn add(&mut self, key: Key, fragment: Fragment<'_>, time_us: i64) -> Option<Vec<u8>> {
        self.serial += 1;
        let is_late = |open: &Open| time_us.saturating_sub(open.latest_us).saturating_abs() > TIMEOUT_US;
        if self.open.get(&key).is_some_and(is_late) {
            self.give_up(&key);
        }
        if self.open.len() >= MOST_OPEN && !self.open.contains_key(&key) {
            let oldest = self.open.iter().min_by_key(|(_, open)| open.serial).map(|(key, _)| *key);
            if let Some(oldest) = oldest {
                self.give_up(&oldest);
            }
        }
        let serial = self.serial;
        let open = self.open.entry(key).or_insert_with(Open::new);
        (open.latest_us, open.serial) = (time_us, serial);
        if !open.add(fragment) {
            self.give_up(&key);
            return None;
        }
        if !open.is_complete() {
            return None;
        }
        self.open.remove(&key).map(|open| open.bytes)
    }

    /// Datagrams that were given up, and those that are still open.
    pub fn incomplete(&self) -> u64 {
        self.incomplete + self.open.len() as u64
    }

    fn give_up(&mut self, key: &Key) {
        self.incomplete += u64::from(self.open.remove(key).is_some());
    }
}

impl Open {
    const fn new() -> Self {
        Self { bytes: Vec::new(), pieces: Vec::new(), length: None, latest_us: 0, serial: 0 }
    }

    /// False when the fragment contradicts the others.
    fn add(&mut self, fragment: Fragment<'_>) -> bool {
        let Fragment { offset, has_more, payload } = fragment;
        let end = offset.saturating_add(payload.len());
        let is_aligned = !has_more || (payload.len().is_multiple_of(8) && !payload.is_empty());
        if !is_aligned || end > MOST_BYTES || self.pieces.len() >= MOST_PIECES {
            return false;
        }
        let end_known = self.pieces.last().map_or(0, |(_, end)| *end);
        match (self.length, has_more) {
            (Some(length), true) if end > length => return false,
            (Some(length), false) if end != length => return false,
            (None, false) if end_known > end => return false,
            (_, false) => self.length = Some(end),
            (_, true) => {}
        }
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        // What came first stays, so that a fragment sent twice changes nothing.
        let mut at = offset;
        let overlapping = self.pieces.iter().filter(|(start, stop)| *start < end && *stop > offset);
        for (start, stop) in overlapping.copied().chain([(end, end)]) {
            let free = at..start.max(at);
            let source = free.start - offset..free.end - offset;
            if let (Some(target), Some(source)) = (self.bytes.get_mut(free), payload.get(source)) {
                target.copy_from_slice(source);
            }
            at = stop.max(at);
        }
        let (mut start, mut stop) = (offset, end);
        self.pieces.retain(|&(other_start, other_stop)| {
            let is_apart = other_stop < start || other_start > stop;
            if !is_apart {
                start = start.min(other_start);
                stop = stop.max(other_stop);
            }
            is_apart
        });
        let position = self.pieces.partition_point(|&(other, _)| other < start);
        self.pieces.insert(position, (start, stop));
        true
    }

    fn is_complete(&self) -> bool {
        self.length.is_some_and(|length| self.pieces == [(0, length)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(identification: u32) -> Key {
        let address = IpAddr::from([192, 0, 2, 1]);
        Key { source: address, destination: address, identification }
    }

    fn bytes(length: usize) -> Vec<u8> {
        (0..length).map(|position| u8::try_from(position % 251).unwrap()).collect()
    }

    /// Fragments of the given bytes at the given places; the one that reaches the end is the last.
    fn added(fragments: &mut Fragments, whole: &[u8], places: &[(usize, usize)]) -> Option<Vec<u8>> {
        let mut result = None;
        for &(start, end) in places {
            assert_eq!(result, None, "complete too early");
            let fragment =
                Fragment { offset: start, has_more: end < whole.len(), payload: &whole[start..end] };
            result = fragments.add(key(1), fragment, 0);
        }
        result
    }

    #[test]
    fn fragments_in_any_order_twice_or_overlapping_make_the_datagram() {
        let whole = bytes(100);
        for places in [
            vec![(0, 48), (48, 100)],
            vec![(48, 100), (0, 48)],
            vec![(80, 100), (0, 16), (0, 16), (40, 80), (16, 40)],
            vec![(8, 72), (80, 100), (16, 32), (64, 88), (0, 16)],
        ] {
            let mut fragments = Fragments::default();
            assert_eq!(added(&mut fragments, &whole, &places).as_ref(), Some(&whole), "{places:?}");
            assert_eq!(fragments.incomplete(), 0);
        }
    }

    #[test]
    fn contradicting_fragments_are_an_incomplete_datagram() {
        let whole = bytes(100);
        for (first, second) in [((0, 48), (56, 90)), ((48, 100), (0, 60))] {
            let mut fragments = Fragments::default();
            let cut = &whole[..second.1];
            assert_eq!(added(&mut fragments, &whole, &[first]), None);
            let fragment = Fragment { offset: second.0, has_more: second.1 == 60, payload: &cut[second.0..] };
            assert_eq!(fragments.add(key(1), fragment, 0), None);
            assert_eq!(fragments.incomplete(), 1);
        }
    }

    #[test]
    fn more_open_datagrams_than_the_bound_push_out_the_oldest() {
        let mut fragments = Fragments::default();
        let whole = bytes(16);
        let first = Fragment { offset: 0, has_more: true, payload: &whole[..8] };
        let last = Fragment { offset: 8, has_more: false, payload: &whole[8..] };
        let count = u32::try_from(MOST_OPEN).unwrap() + 1;
        for number in 0..count {
            assert_eq!(fragments.add(key(number), first, 0), None);
        }
        assert_eq!(fragments.add(key(count - 1), last, 0), Some(whole.clone()));
        assert_eq!(fragments.add(key(0), last, 0), None);
        // An hour later the identification is another datagram's.
        assert_eq!(fragments.add(key(1), last, 3_600_000_000), None);
    }
}
