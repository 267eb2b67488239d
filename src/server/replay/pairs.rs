//! Places, and which of them flows went between, each once.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::model::place::{CountryCode, Place};
use crate::model::traffic::Direction;

/// What may become of the flows of a pair.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Fate {
    /// An arc.
    #[default]
    Drawable,
    /// They have an end that nothing is known of.
    Unlocated,
    /// They are sums of which only the total is kept.
    OnlyTotal,
}

/// Where flows went from and to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Pair {
    pub from: u32,
    pub to: u32,
    pub direction: Direction,
    pub fate: Fate,
}

/// What makes two places the same.
type PlaceKey = (Option<CountryCode>, String, String, u32, u32, u8);

/// The places and pairs of a block, by number.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    places: Vec<Place>,
    place_numbers: HashMap<PlaceKey, u32, RandomState>,
    all: Vec<Pair>,
    numbers: HashMap<Pair, u32, RandomState>,
    latest: Option<(Pair, u32)>,
}

impl Pairs {
    pub fn place(&self, number: u32) -> Option<&Place> {
        usize::try_from(number).ok().and_then(|at| self.places.get(at))
    }

    pub fn pair(&self, number: u32) -> Pair {
        let known = usize::try_from(number).ok().and_then(|at| self.all.get(at));
        known.copied().unwrap_or(Pair {
            from: u32::MAX,
            to: u32::MAX,
            direction: Direction::Transit,
            fate: Fate::Unlocated,
        })
    }

    /// The number of a place.
    pub fn add_place(&mut self, place: Place) -> u32 {
        let key = (
            place.country,
            place.region.clone(),
            place.city.clone(),
            place.latitude.to_bits(),
            place.longitude.to_bits(),
            place.precision as u8,
        );
        *self.place_numbers.entry(key).or_insert_with(|| {
            self.places.push(place);
            u32::try_from(self.places.len() - 1).unwrap_or(u32::MAX)
        })
    }

    /// The number of the pair of two places.
    pub fn add(&mut self, from: u32, to: u32, direction: Direction) -> u32 {
        let is_drawable = |place| self.place(place).is_some_and(|place| place.precision.is_drawable());
        let fate = if is_drawable(from) && is_drawable(to) { Fate::Drawable } else { Fate::Unlocated };
        self.add_pair(Pair { from, to, direction, fate })
    }

    /// The number of a pair.
    pub fn add_pair(&mut self, pair: Pair) -> u32 {
        if let Some((latest, number)) = self.latest
            && latest == pair
        {
            return number;
        }
        let number = *self.numbers.entry(pair).or_insert_with(|| {
            self.all.push(pair);
            u32::try_from(self.all.len() - 1).unwrap_or(u32::MAX)
        });
        self.latest = Some((pair, number));
        number
    }
}
