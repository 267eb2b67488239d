//! The sequence numbers of one session: what is missing, exactly, and which datagram came twice.
//!
//! v9 and sFlow number datagrams; v5 and IPFIX number records and say how many came *before* the datagram
//! (softflowd 1.1.0: up to its end; which of the two is found out). A unit is one of what is counted.
//!
//! While the window holds, `units sent = units received + missing + uncertain`, under any loss, reordering
//! and duplication. Uncertain is what lies between numbers around a datagram whose own number of units is
//! not known: it waits for a template, or could not be decoded. Sets that waited are [resolved](Sequence::resolve)
//! when they are decoded, and what is then left is missing. The first datagram gives no difference.
//!
//! Pure data of at most 2 kB; the window grows to its size with the first datagrams, and no more.

mod window;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use self::window::{Fate, Stretch, Tail, Window};

/// A forward jump beyond this is a restart, not a loss.
const MAX_GAP: u32 = 1 << 24;
/// So many datagrams that follow each other, far from the number expected, are a restart.
const RESTART_FAR: u8 = 2;
/// The same of datagrams that seem overtaken, but fill no gap.
const RESTART_NEAR: u8 = 4;
/// A duplicate is believed after so many steps forward without one that stood still.
const STEPS_TO_TRUST: u8 = 2;
/// So many steps in the exporter's other way of numbering, with none in the supposed one, change the mind.
const STEPS_TO_DOUBT: u8 = 3;

/// What a sequence number tells, in short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// Nothing is missing, or it cannot be known.
    InOrder,
    /// So many units are missing before this datagram.
    Gap(u32),
    /// The datagram was overtaken: so many units are not missing after all.
    Late(u32),
}

/// What the units between two numbers turned out to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// So many more units are missing; fewer when a late datagram came.
    pub missing: i64,
    /// So many more units are either in sets that are not decoded or lost.
    pub uncertain: i64,
    /// So many more units passed while the process was stopped.
    pub stopped: i64,
    /// Gaps found.
    pub gaps: u32,
}

/// What a datagram holds, in units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// Units that could be counted.
    pub units: u32,
    /// Sets that wait for their template: each is [resolved](Sequence::resolve) later.
    pub waiting: u32,
    /// True when there is more that can never be counted.
    pub is_spoilt: bool,
}

impl Content {
    /// All is counted.
    pub const fn known(units: u32) -> Self {
        Self { units, waiting: 0, is_spoilt: false }
    }

    /// Number of units, if all are counted.
    const fn total(self) -> Option<u32> {
        if self.tail().is_known() { Some(self.units) } else { None }
    }

    const fn tail(self) -> Tail {
        Tail { waiting: self.waiting, is_spoilt: self.is_spoilt }
    }
}

impl From<Option<u32>> for Content {
    fn from(units: Option<u32>) -> Self {
        units.map_or(Self { is_spoilt: true, ..Self::default() }, Self::known)
    }
}

impl std::ops::Add for Content {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            units: self.units.saturating_add(other.units),
            waiting: self.waiting.saturating_add(other.waiting),
            is_spoilt: self.is_spoilt || other.is_spoilt,
        }
    }
}

/// How an exporter numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Numbering {
    /// Both fit so far.
    #[default]
    Undecided,
    /// Units before the datagram, as the standards say.
    Before,
    /// Units up to the end of the datagram.
    Inclusive,
}

/// The datagram with the highest number.
#[derive(Clone, Copy, Debug)]
struct Last {
    number: u32,
    units: Option<u32>,
}

/// Datagrams far from the number expected: maybe a restart.
#[derive(Clone, Copy, Debug, Default)]
struct Strangers {
    next: u32,
    is_next_known: bool,
    count: u8,
}

/// Where the sequence numbers of a session are.
#[derive(Clone, Debug, Default)]
pub struct Sequence {
    last: Option<Last>,
    /// The number after the last unit that is accounted for.
    edge: u32,
    /// What of the last datagram is not counted yet.
    tail: Option<Tail>,
    numbering: Numbering,
    doubts: u8,
    /// Steps forward since one stood still.
    steps: u8,
    is_resumed: bool,
    strangers: Strangers,
    /// The fingerprint of the datagram that is being taken.
    current: Option<u64>,
    window: Option<Box<Window>>,
}

/// Where the numbers of a session were when the process stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedSequence {
    number: u32,
    edge: u32,
    numbering: Numbering,
}

impl Sequence {
    /// As it was when the process stopped. What passed since is counted as such, not as missing.
    pub fn resume(saved: SavedSequence) -> Self {
        Self {
            last: Some(Last { number: saved.number, units: None }),
            edge: saved.edge,
            numbering: saved.numbering,
            is_resumed: true,
            ..Self::default()
        }
    }

    /// What [`resume`](Self::resume) needs; `None` before the first datagram.
    pub fn saved(&self) -> Option<SavedSequence> {
        let number = self.last?.number;
        Some(SavedSequence { number, edge: self.edge, numbering: self.numbering })
    }

    /// True when this number does not go on from where a resumed session was: the exporter has restarted
    /// since, and what is known of the session may be of before.
    pub fn has_restarted_since(&self, number: u32, window: u32) -> bool {
        self.is_resumed && self.last.is_some_and(|last| !self.is_near(last, number, window))
    }

    const fn is_near(&self, last: Last, number: u32, window: u32) -> bool {
        number.wrapping_sub(self.edge) <= self.max_gap() || last.number.wrapping_sub(number) <= window
    }

    /// How far a number may be ahead. While the process was stopped, any number of units may have passed.
    const fn max_gap(&self) -> u32 {
        if self.is_resumed { u32::MAX / 2 } else { MAX_GAP }
    }

    /// True when a datagram with this number and content came before: both have to be the same, within the last
    /// 128 datagrams, and the exporter's numbers have to move. So an exporter whose number stands still, or
    /// that restarted, loses nothing. Datagrams of templates only do not move the number and are not told apart.
    /// To be asked before [`take`](Self::take); without, the datagram cannot be recognised later.
    pub fn is_duplicate(&mut self, number: u32, fingerprint: u64) -> bool {
        let is_ahead = self.last.is_none_or(|last| last.number.wrapping_sub(number) > u32::MAX / 2);
        let has_come = !is_ahead
            && self.steps >= STEPS_TO_TRUST
            && self.window.as_ref().is_some_and(|window| window.has_seen(fingerprint));
        self.current = (!has_come).then_some(fingerprint);
        has_come
    }

    /// Takes the number of a datagram with so many units (`None`: some could not be decoded). A number back by
    /// no more than `window` was overtaken; by more, the exporter restarted.
    pub fn advance(&mut self, number: u32, units: Option<u32>, window: u32) -> Arrival {
        let missing = self.take(number, units.into(), window).missing;
        let count = u32::try_from(missing.unsigned_abs()).unwrap_or(u32::MAX);
        match missing.signum() {
            1 => Arrival::Gap(count),
            -1 => Arrival::Late(count),
            _ => Arrival::InOrder,
        }
    }

    /// Takes the number of a datagram and says what that changes. `window` as in [`advance`](Self::advance).
    pub fn take(&mut self, number: u32, content: Content, window: u32) -> Change {
        let mut change = Change::default();
        let Some(last) = self.last else {
            self.begin(number, content);
            return change;
        };
        if self.fits_inclusive_only(last, number, content, &mut change) {
            let ahead = number.wrapping_sub(self.edge);
            if (1..=MAX_GAP).contains(&ahead) {
                let suspected = Stretch::whole(self.edge, number, Fate::Suspected);
                self.window().push(suspected);
            }
            self.settle(last, number, content);
            return change;
        }
        let is_inclusive = self.numbering == Numbering::Inclusive;
        let start = match content.total() {
            None if is_inclusive && number.wrapping_sub(self.edge) <= self.max_gap() => self.edge,
            _ if is_inclusive => number.wrapping_sub(content.units),
            _ => number,
        };
        // A higher number is never late, even if it is less than expected: softflowd does not count options records.
        let is_higher = (1..=self.max_gap()).contains(&number.wrapping_sub(last.number));
        if is_higher || start.wrapping_sub(self.edge) <= self.max_gap() {
            self.forward(last, start, number, content, &mut change);
        } else if last.number.wrapping_sub(number) <= window {
            self.late(last, start, number, content, &mut change);
        } else {
            self.stranger(start, number, content, if self.is_resumed { 1 } else { RESTART_FAR });
        }
        change
    }

    /// What a set of the datagram with this number, that waited, turned out to hold.
    pub fn resolve(&mut self, number: u32, content: Content) -> Change {
        let mut change = Change::default();
        if let Some(last) = &mut self.last
            && let Some(tail) = &mut self.tail
            && last.number == number
        {
            self.edge = self.edge.wrapping_add(content.units);
            tail.resolve(content);
            if tail.is_known() {
                last.units = Some(self.edge.wrapping_sub(number));
                self.tail = None;
            }
        } else if let Some(window) = &mut self.window {
            window.resolve(number, content, &mut change);
        }
        change
    }

    fn window(&mut self) -> &mut Window {
        self.window.get_or_insert_default()
    }

    /// The first number, or the first after a restart.
    fn begin(&mut self, number: u32, content: Content) {
        self.settle(Last { number, units: None }, number, content);
    }

    /// From here on this datagram is the last.
    fn settle(&mut self, last: Last, number: u32, content: Content) {
        if number != last.number {
            self.steps = self.steps.saturating_add(1);
        }
        let units = content.total();
        if self.numbering == Numbering::Inclusive {
            self.edge = number;
            self.tail = None;
        } else {
            self.edge = number.wrapping_add(content.units);
            self.tail = Some(content.tail()).filter(|tail| !tail.is_known());
        }
        self.last = Some(Last { number, units });
        self.remember(content);
    }

    fn remember(&mut self, content: Content) {
        self.strangers = Strangers::default();
        if let Some(fingerprint) = self.current.take()
            && content != Content::known(0)
        {
            self.window().remember(fingerprint);
        }
    }

    /// Learns how the exporter numbers, from steps that only one way explains. True for the first that speaks
    /// for the inclusive way: a gap of just that size, or none.
    fn fits_inclusive_only(
        &mut self,
        last: Last,
        number: u32,
        content: Content,
        change: &mut Change,
    ) -> bool {
        let (Some(before), Some(own)) = (last.units, content.total()) else { return false };
        let step = number.wrapping_sub(last.number);
        let fitting = match step {
            _ if before == own => return false,
            _ if step == before => Numbering::Before,
            _ if step == own && own > 0 => Numbering::Inclusive,
            _ => return false,
        };
        if self.numbering == fitting {
            self.doubts = 0;
            return false;
        }
        self.doubts += 1;
        let needed = match (self.numbering, fitting) {
            (Numbering::Undecided, Numbering::Before) => 1,
            (Numbering::Undecided, _) => 2,
            _ => STEPS_TO_DOUBT,
        };
        if self.doubts < needed {
            return self.numbering == Numbering::Undecided;
        }
        self.doubts = 0;
        self.numbering = fitting;
        let is_inclusive = fitting == Numbering::Inclusive;
        self.edge = if is_inclusive { last.number } else { last.number.wrapping_add(before) };
        if let Some(window) = &mut self.window {
            window.decide_suspected(!is_inclusive, change);
        }
        false
    }

    fn forward(&mut self, last: Last, start: u32, number: u32, content: Content, change: &mut Change) {
        let edge = if start.wrapping_sub(self.edge) <= self.max_gap() { self.edge } else { start };
        let tail = self.tail.take();
        if start != edge || tail.is_some() {
            let is_resumed = self.is_resumed;
            let window = self.window();
            let between = |fate| Stretch::whole(edge, start, fate);
            match tail {
                Some(tail) => window.end_tail(last.number, tail, between(Fate::Uncertain), change),
                None if is_resumed => window.find(between(Fate::Stopped), change),
                None => window.find(between(Fate::Missing), change),
            }
        }
        self.is_resumed = false;
        if self.numbering == Numbering::Inclusive && content.total().is_none() {
            let uncertain = Stretch::whole(start, number, Fate::Uncertain).but(content.units);
            self.window().end_tail(number, content.tail(), uncertain, change);
        }
        self.settle(last, number, content);
    }

    fn late(&mut self, last: Last, start: u32, number: u32, content: Content, change: &mut Change) {
        if content == Content::known(0) {
            return;
        }
        let filled = self.window.as_mut().is_some_and(|window| window.fill(start, content, change));
        if filled {
            self.remember(content);
            return;
        }
        if number == last.number {
            self.steps = 0;
        }
        self.stranger(start, number, content, RESTART_NEAR);
    }

    /// A datagram that fits nowhere. As many as `needed` in a row that follow each other are a restart; one
    /// alone is none, for then the next that fits would look like a loss.
    fn stranger(&mut self, start: u32, number: u32, content: Content, needed: u8) {
        let known = self.strangers;
        let distance = start.wrapping_sub(known.next);
        let follows = known.count > 0 && (distance == 0 || (!known.is_next_known && distance <= MAX_GAP));
        let next =
            if self.numbering == Numbering::Inclusive { number } else { number.wrapping_add(content.units) };
        let count = if follows { known.count.saturating_add(1) } else { 1 };
        self.strangers = Strangers { next, is_next_known: content.total().is_some(), count };
        if count >= needed {
            let current = self.current;
            *self = Self { current, window: self.window.take(), ..Self::default() };
            if let Some(window) = &mut self.window {
                window.clear();
            }
            self.begin(number, content);
        }
    }
}

/// 64 bits of a datagram's content. Different datagrams have different ones, but for chance; not meant to withstand
/// somebody who looks for two that are the same.
pub fn fingerprint(payload: &[u8]) -> u64 {
    // Four chains of multiplications, so that one need not wait for the other.
    let mut lanes = KEYS;
    let (blocks, rest) = payload.as_chunks::<64>();
    for block in blocks {
        mix(&mut lanes, block);
    }
    let mut last = [0; 64];
    if let Some(part) = last.get_mut(..rest.len()) {
        part.copy_from_slice(rest);
    }
    mix(&mut lanes, &last);
    let [a, b, c, d] = lanes;
    fold(fold(a ^ KEYS[1], b ^ KEYS[2]) ^ c, d ^ payload.len() as u64)
}

/// Any numbers without a pattern.
const KEYS: [u64; 4] =
    [0xa076_1d64_78bd_642f, 0xe703_7ed1_a0b4_28db, 0x8ebc_6af0_9c88_c6e3, 0x5899_65cc_7537_4cc3];

fn mix(lanes: &mut [u64; 4], block: &[u8; 64]) {
    for ((lane, key), pair) in lanes.iter_mut().zip(KEYS).zip(block.as_chunks::<16>().0) {
        if let [a, b] = pair.as_chunks::<8>().0 {
            *lane = fold(*lane ^ u64::from_le_bytes(*a), key ^ u64::from_le_bytes(*b));
        }
    }
}

fn fold(a: u64, b: u64) -> u64 {
    let (low, high) = a.carrying_mul(b, 0);
    low ^ high
}
