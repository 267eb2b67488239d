//! What was missing and what came lately, within bounds.
//!
//! When more than [`MAX_STRETCHES`] stretches are missing at a time, the oldest stays missing for good. Of
//! [`MAX_SEEN`] datagrams the fingerprints are kept.

use super::{Change, Content};

/// Stretches of missing units that late datagrams may fill.
const MAX_STRETCHES: usize = 32;
/// Datagrams whose duplicates are recognised.
const MAX_SEEN: usize = 128;

/// What units that did not come are counted as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Missing,
    Uncertain,
    Stopped,
    /// Missing if the exporter numbers one way, nothing if the other: not counted until that is known.
    Suspected,
}

/// Numbers from `start` up to `end`, of which `amount` are not accounted for: all, or which ones is not known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stretch {
    start: u32,
    end: u32,
    amount: u32,
    fate: Fate,
}

impl Stretch {
    pub(super) const fn whole(start: u32, end: u32, fate: Fate) -> Self {
        Self { start, end, amount: end.wrapping_sub(start), fate }
    }

    /// So many of its numbers are accounted for; which ones is not known.
    pub(super) const fn but(self, units: u32) -> Self {
        Self { amount: self.amount.saturating_sub(units), ..self }
    }

    const fn length(&self) -> u32 {
        self.end.wrapping_sub(self.start)
    }

    /// The part that numbers from `start` on have in common with it, as distances from its start.
    fn overlap(&self, start: u32, units: u32) -> Option<(u32, u32)> {
        let begins = start.wrapping_sub(self.start);
        let from = if begins <= u32::MAX / 2 { begins } else { 0 };
        let before = if begins <= u32::MAX / 2 { 0 } else { begins.wrapping_neg() };
        let to = from.saturating_add(units.saturating_sub(before)).min(self.length());
        (from < to).then_some((from, to))
    }
}

/// What is not counted of the datagram with the highest number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tail {
    pub(super) waiting: u32,
    pub(super) is_spoilt: bool,
}

impl Tail {
    /// A set that waited is known now, or never.
    pub(super) fn resolve(&mut self, content: Content) {
        self.waiting = self.waiting.saturating_sub(1);
        self.is_spoilt |= content.is_spoilt;
    }

    pub(super) const fn is_known(self) -> bool {
        self.waiting == 0 && !self.is_spoilt
    }
}

/// Numbers between which sets wait. What is not known to be theirs is uncertain.
#[derive(Clone, Copy, Debug)]
struct Open {
    start: u32,
    end: u32,
    amount: u32,
    tail: Tail,
}

impl Open {
    const fn holds(&self, number: u32) -> bool {
        number.wrapping_sub(self.start) < self.end.wrapping_sub(self.start)
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Window {
    stretches: Vec<Stretch>,
    open: Option<Open>,
    seen: Vec<u64>,
    next_seen: usize,
}

impl Window {
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(super) fn has_seen(&self, fingerprint: u64) -> bool {
        self.seen.contains(&fingerprint)
    }

    pub(super) fn remember(&mut self, fingerprint: u64) {
        if self.seen.len() < MAX_SEEN {
            self.seen.push(fingerprint);
            return;
        }
        if let Some(oldest) = self.seen.get_mut(self.next_seen) {
            *oldest = fingerprint;
        }
        self.next_seen = (self.next_seen + 1) % MAX_SEEN;
    }

    pub(super) fn push(&mut self, stretch: Stretch) {
        if stretch.amount == 0 {
            return;
        }
        if self.stretches.len() >= MAX_STRETCHES {
            self.stretches.remove(0);
        }
        self.stretches.push(stretch);
    }

    /// Counts a stretch and keeps it.
    pub(super) fn find(&mut self, stretch: Stretch, change: &mut Change) {
        count(change, stretch.fate, i64::from(stretch.amount));
        change.gaps += u32::from(stretch.fate == Fate::Missing);
        self.push(stretch);
    }

    /// What is not counted of the datagram with this number lies in a stretch: that is uncertain.
    pub(super) fn end_tail(&mut self, number: u32, tail: Tail, stretch: Stretch, change: &mut Change) {
        let Stretch { start, end, amount, .. } = stretch;
        change.uncertain += i64::from(amount);
        if tail.waiting == 0 {
            self.push(Stretch { fate: Fate::Uncertain, ..stretch });
            return;
        }
        let start = if start.wrapping_sub(number) <= u32::MAX / 2 { number } else { start };
        let Some(open) = &mut self.open else {
            self.open = Some(Open { start, end, amount, tail });
            return;
        };
        if start.wrapping_sub(open.start) > u32::MAX / 2 {
            open.start = start;
        }
        if end.wrapping_sub(open.end) <= u32::MAX / 2 {
            open.end = end;
        }
        open.amount = open.amount.saturating_add(amount);
        open.tail.waiting = open.tail.waiting.saturating_add(tail.waiting);
        open.tail.is_spoilt |= tail.is_spoilt;
    }

    /// A set that waited is known now, or never.
    pub(super) fn resolve(&mut self, number: u32, content: Content, change: &mut Change) {
        // The end may be that of the last datagram: it belongs to it, too.
        let Some(open) = self.open.as_mut().filter(|open| open.holds(number) || open.end == number) else {
            return;
        };
        let found = content.units.min(open.amount);
        open.amount -= found;
        change.uncertain -= i64::from(found);
        open.tail.resolve(content);
        if open.tail.waiting > 0 {
            return;
        }
        let Open { start, end, amount, tail } = *open;
        self.open = None;
        let fate = if tail.is_spoilt { Fate::Uncertain } else { Fate::Missing };
        if amount > 0 {
            change.uncertain -= i64::from(amount);
            self.find(Stretch { start, end, amount, fate }, change);
        }
    }

    /// Takes what an overtaken datagram holds out of what is not accounted for. False when there was nothing.
    pub(super) fn fill(&mut self, start: u32, content: Content, change: &mut Change) -> bool {
        let left = self.fill_stretches(start, content.units, change);
        let mut is_filled = left < content.units;
        if left > 0
            && let Some(open) = self.open.as_mut().filter(|open| open.amount > 0 && open.holds(start))
        {
            let found = left.min(open.amount);
            open.amount -= found;
            change.uncertain -= i64::from(found);
            is_filled = true;
        }
        if content.total().is_none() {
            is_filled |= self.fill_unknown(start, content, change);
        }
        is_filled
    }

    /// Returns how many of the units were not in a stretch.
    fn fill_stretches(&mut self, start: u32, units: u32, change: &mut Change) -> u32 {
        let mut left = units;
        let mut index = 0;
        while let Some(stretch) = self.stretches.get_mut(index) {
            let Some((from, to)) = stretch.overlap(start, units).filter(|_| left > 0) else {
                index += 1;
                continue;
            };
            let whole = *stretch;
            let is_exact = whole.amount == whole.length();
            let found = (to - from).min(whole.amount).min(left);
            left -= found;
            count(change, whole.fate, -i64::from(found));
            if !is_exact {
                stretch.amount -= found;
                if stretch.amount == 0 {
                    self.stretches.remove(index);
                }
                continue;
            }
            let first = Stretch::whole(whole.start, whole.start.wrapping_add(from), whole.fate);
            let second = Stretch::whole(whole.start.wrapping_add(to), whole.end, whole.fate);
            match (first.amount > 0, second.amount > 0) {
                (true, true) => {
                    *stretch = first;
                    self.stretches.insert(index + 1, second);
                    if self.stretches.len() > MAX_STRETCHES {
                        self.stretches.remove(0);
                    }
                    index += 1;
                }
                (true, false) => *stretch = first,
                (false, true) => *stretch = second,
                (false, false) => drop(self.stretches.remove(index)),
            }
        }
        left
    }

    /// An overtaken datagram is not counted to its end: what was missing from there on is uncertain.
    fn fill_unknown(&mut self, number: u32, content: Content, change: &mut Change) -> bool {
        let counted = number.wrapping_add(content.units);
        let holding = self.stretches.iter().position(|stretch| stretch.overlap(counted, 1).is_some());
        let stretch = holding.map(|index| self.stretches.remove(index));
        if let Some(stretch) = stretch {
            count(change, stretch.fate, -i64::from(stretch.amount));
        }
        let none = Stretch::whole(counted, counted, Fate::Uncertain);
        self.end_tail(number, content.tail(), stretch.unwrap_or(none), change);
        stretch.is_some()
    }

    /// It is known now how the exporter numbers.
    pub(super) fn decide_suspected(&mut self, is_missing: bool, change: &mut Change) {
        if is_missing {
            for stretch in self.stretches.iter_mut().filter(|stretch| stretch.fate == Fate::Suspected) {
                stretch.fate = Fate::Missing;
                count(change, Fate::Missing, i64::from(stretch.amount));
                change.gaps += 1;
            }
        } else {
            self.stretches.retain(|stretch| stretch.fate != Fate::Suspected);
        }
    }
}

fn count(change: &mut Change, fate: Fate, amount: i64) {
    match fate {
        Fate::Missing => change.missing += amount,
        Fate::Uncertain => change.uncertain += amount,
        Fate::Stopped => change.stopped += amount,
        Fate::Suspected => {}
    }
}
