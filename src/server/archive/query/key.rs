//! The values that a flow is grouped by, packed into one number.
//!
//! A country takes 16 bits, a port 16, an address 128: most questions fit into 64 bits, which are hashed and compared
//! as one. What does not fit takes words of 128 bits.

use std::hash::{Hash, Hasher};

/// Where a value lies in a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    word: usize,
    shift: u32,
    width: u32,
}

/// Values packed together. Each is added once, at a place of its own.
pub(super) trait Key: Copy + Default + Eq + Hash + Send + 'static {
    /// Puts in a value of at most 64 bits.
    fn add(&mut self, place: Place, value: u64);
    /// Puts in a value of any width.
    fn add_wide(&mut self, place: Place, value: u128);
    /// Takes out a value.
    fn value(&self, place: Place) -> u128;
    /// A number that is spread evenly over the keys and has nothing to do with their hash.
    fn mixed(&self) -> u64;
}

const MIX: u64 = 0x9e37_79b9_7f4a_7c15;

impl Key for u64 {
    fn add(&mut self, place: Place, value: u64) {
        *self |= value << place.shift;
    }

    fn add_wide(&mut self, place: Place, value: u128) {
        self.add(place, low(value));
    }

    fn value(&self, place: Place) -> u128 {
        (u128::from(*self) >> place.shift) & mask(place.width)
    }

    fn mixed(&self) -> u64 {
        let mixed = (self ^ (self >> 32)).wrapping_mul(MIX);
        (mixed ^ (mixed >> 29)).wrapping_mul(MIX)
    }
}

/// Several words of 128 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Words<const N: usize>([u128; N]);

impl<const N: usize> Default for Words<N> {
    fn default() -> Self {
        Self([0; N])
    }
}

impl<const N: usize> Hash for Words<N> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for word in self.0 {
            state.write_u128(word);
        }
    }
}

impl<const N: usize> Key for Words<N> {
    fn add(&mut self, place: Place, value: u64) {
        self.add_wide(place, u128::from(value));
    }

    fn add_wide(&mut self, place: Place, value: u128) {
        if let Some(word) = self.0.get_mut(place.word) {
            *word |= value << place.shift;
        }
    }

    fn value(&self, place: Place) -> u128 {
        self.0.get(place.word).map_or(0, |word| (word >> place.shift) & mask(place.width))
    }

    fn mixed(&self) -> u64 {
        self.0.iter().fold(0, |mixed, word| (mixed ^ low(*word) ^ low(word >> 64).rotate_left(17)).mixed())
    }
}

const fn mask(width: u32) -> u128 {
    match 1_u128.checked_shl(width) {
        Some(bit) => bit - 1,
        None => u128::MAX,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the low half is what is wanted")]
const fn low(value: u128) -> u64 {
    value as u64
}

/// Gives places in a key to values of certain widths.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// Bits taken in each word.
    taken: Vec<u32>,
}

impl Places {
    /// A place for a value of `width` bits, at most 128.
    pub(super) fn take(&mut self, width: u32) -> Place {
        let free = self.taken.iter().position(|taken| taken + width <= 128);
        let word = free.unwrap_or(self.taken.len());
        if free.is_none() {
            self.taken.push(0);
        }
        let shift = self.taken.get_mut(word).map_or(0, |taken| std::mem::replace(taken, *taken + width));
        Place { word, shift, width }
    }

    /// True when all values fit into 64 bits.
    pub(super) fn is_narrow(&self) -> bool {
        self.taken.iter().sum::<u32>() <= 64
    }

    /// How many words of 128 bits they take.
    pub(super) fn words(&self) -> usize {
        self.taken.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put_in_and_taken_out<K: Key>(widths: &[u32]) {
        let mut places = Places::default();
        let places: Vec<_> = widths.iter().map(|width| places.take(*width)).collect();
        let mut key = K::default();
        for place in &places {
            key.add_wide(*place, mask(place.width) - 1);
        }
        for place in &places {
            assert_eq!(key.value(*place), mask(place.width) - 1, "{widths:?}");
        }
    }

    #[test]
    fn every_value_is_taken_out_as_it_was_put_in() {
        put_in_and_taken_out::<u64>(&[16, 16, 32]);
        put_in_and_taken_out::<Words<1>>(&[128]);
        put_in_and_taken_out::<Words<2>>(&[64, 32, 128, 16, 16]);
        put_in_and_taken_out::<Words<5>>(&[128, 128, 32, 128, 128]);
    }
}
