//! What is played where flow records are kept no more, or pass too fast: sums by pair of cities and direction.
//!
//! A bucket passes as a whole, with its last millisecond, so moments are exact at whole buckets. Sums know the pairs
//! with most traffic; what is in no pair is in the totals, and in a frame it is not drawn. Of a filter by autonomous
//! systems, say, they know no pairs: then everything is in the totals only, and what lists cannot be told are left out.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::Shared;
use super::block::{Block, Sum};
use super::pairs::{Fate, Pair, Pairs};
use super::pieces::Piece;
use super::tally::Tally;
use crate::model::filter::{End, Field, Filter};
use crate::model::history::{Dimension, Tier};
use crate::model::place::{CountryCode, Place, Precision};
use crate::model::time_range::TimeRange;
use crate::model::traffic::{Direction, Traffic};
use crate::server::geolocation::Geolocation;
use crate::server::history::control::Control;
use crate::server::history::error::QuestionError;
use crate::server::history::groups::{Groups, Value};
use crate::server::history::naming;
use crate::server::history::planner::{self, Tiers};
use crate::server::history::request::Request;

/// Flow records that may pass in a second, before any filter.
const MOST_FLOWS_PER_SECOND: f64 = 1_000_000.0;
/// Buckets that may pass in a second, and how many are read as one piece.
const MOST_BUCKETS_PER_SECOND: f64 = 250.0;
const PIECE_BUCKETS: i64 = 60;

/// What is told of flows besides their totals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Pairs,
    Countries,
    Addresses,
    Systems,
    Services,
}

impl Part {
    const LISTS: [Self; 3] = [Self::Countries, Self::Systems, Self::Services];

    /// For people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pairs => "between which places they went",
            Self::Countries => "countries",
            Self::Addresses => "distinct addresses",
            Self::Systems => "autonomous systems",
            Self::Services => "services",
        }
    }

    fn fields(self) -> &'static [Field] {
        match self {
            Self::Pairs => &[Field::City(End::Source), Field::City(End::Destination), Field::Direction],
            Self::Countries | Self::Addresses => &[Field::Country(End::Outside)],
            Self::Systems => &[Field::AsNumber(End::Outside)],
            Self::Services => &[Field::Service],
        }
    }

    fn request(self, range: TimeRange, filter: &Filter, step_ms: Option<i64>) -> Request {
        let addresses = self == Self::Addresses;
        Request { addresses, ..request(range, filter, self.fields(), step_ms) }
    }
}

/// What sums are known not to tell of the flows that pass a filter.
pub(super) fn untold(
    tiers: &Tiers,
    range: TimeRange,
    filter: &Filter,
    by_country: bool,
    tier: Tier,
) -> Vec<Part> {
    let mut untold = Vec::new();
    if !tiers.plans(&Part::Pairs.request(range, filter, Some(tier.bucket_ms()))) {
        untold.push(Part::Pairs);
    }
    let addresses = by_country.then_some(Part::Addresses);
    let lists = Part::LISTS.into_iter().chain(addresses);
    untold.extend(lists.filter(|part| !tiers.plans(&part.request(range, filter, None))));
    untold
}

/// The tier of sums that has to be played, and what it cannot tell; `None` for flow records. `rows` is about how many flow
/// records the range has. Where flow records are kept, sums are played only if they can tell everything.
pub(super) fn tier(
    tiers: &Tiers,
    range: TimeRange,
    (filter, by_country): (&Filter, bool),
    speed: f64,
    rows: u64,
) -> Option<(Tier, Vec<Part>)> {
    let has_records = tiers.archive().kept_from_ms().is_none_or(|kept| kept <= range.from_ms);
    let length_s = std::time::Duration::from_millis(range.length_ms().unsigned_abs()).as_secs_f64();
    // What is compared with a million needs no more digits than these.
    let rows = f64::from(u32::try_from(rows).unwrap_or(u32::MAX));
    let is_slow_enough = rows * speed.abs() <= MOST_FLOWS_PER_SECOND * length_s;
    if has_records && is_slow_enough {
        return None;
    }
    let fits = |tier: &Tier| {
        let length_s = std::time::Duration::from_millis(tier.bucket_ms().unsigned_abs()).as_secs_f64();
        let from_ms = planner::widened(range, tier.bucket_ms()).from_ms;
        let has_all = tiers.kept_from_ms(*tier).is_none_or(|kept| kept <= from_ms);
        has_all && (*tier == Tier::Day || speed.abs() <= MOST_BUCKETS_PER_SECOND * length_s)
    };
    let tier = [Tier::Minute, Tier::Hour, Tier::Day].into_iter().find(fits)?;
    let tells_totals = [Some(tier.bucket_ms()), None]
        .into_iter()
        .all(|step_ms| tiers.plans(&request(range, filter, &[Field::Direction], step_ms)));
    let untold = untold(tiers, range, filter, by_country, tier);
    (tells_totals && (untold.is_empty() || !has_records)).then_some((tier, untold))
}

/// A range with whole buckets at those ends of which flow records are gone.
pub(super) fn widened(tiers: &Tiers, range: TimeRange, tier: Tier) -> TimeRange {
    let Some(kept_from_ms) = tiers.archive().kept_from_ms() else { return range };
    let whole = planner::widened(range, tier.bucket_ms());
    let last_ms = settled(range.to_ms - 1, whole, tier);
    TimeRange {
        from_ms: if kept_from_ms > range.from_ms { whole.from_ms } else { range.from_ms },
        to_ms: if kept_from_ms > last_ms { whole.to_ms } else { range.to_ms },
    }
}

/// A range in pieces of whole buckets.
pub(super) fn cut(range: TimeRange, tier: Tier) -> Vec<Piece> {
    let length = tier.bucket_ms() * PIECE_BUCKETS;
    let mut pieces = Vec::new();
    let mut from_ms = range.from_ms;
    while from_ms < range.to_ms {
        let to_ms = (from_ms.div_euclid(length) + 1).saturating_mul(length).min(range.to_ms);
        pieces.extend(TimeRange::new(from_ms, to_ms).map(|range| Piece { range, rows: 0 }));
        from_ms = to_ms;
    }
    pieces
}

/// The latest moment not after this one at which a bucket of the range has just passed.
pub(super) fn settled(moment_ms: i64, range: TimeRange, tier: Tier) -> i64 {
    if moment_ms >= range.to_ms {
        return range.to_ms;
    }
    (moment_ms.div_euclid(tier.bucket_ms()) * tier.bucket_ms()).max(range.from_ms)
}

fn request(range: TimeRange, filter: &Filter, fields: &[Field], step_ms: Option<i64>) -> Request {
    let dimensions = fields.iter().map(|field| Dimension::Field(*field)).collect();
    Request { range, filter: filter.clone(), dimensions, step_ms, addresses: false, most: None }
}

/// What passed between cities in a range, bucket by bucket.
pub(super) async fn read(
    shared: &Shared,
    range: TimeRange,
    filter: &Filter,
    tier: Tier,
    control: &Control,
) -> Result<Block, QuestionError> {
    let tiers = shared.history.tiers()?;
    let step_ms = Some(tier.bucket_ms());
    let by_pair = tiers.sums(&Part::Pairs.request(range, filter, step_ms), control).await?;
    let by_direction = request(range, filter, &[Field::Direction], step_ms);
    let totals = tiers.sums(&by_direction, control).await?.ok_or_else(no_totals)?;
    let geolocation = shared.geolocation.load();
    let coordinates = shared.history.city_coordinates(&geolocation);
    let placing = Placing { geolocation: &geolocation, coordinates: &coordinates };
    Ok(block(range, tier, by_pair.unwrap_or_default(), totals, &placing))
}

struct Placing<'a> {
    geolocation: &'a Geolocation,
    coordinates: &'a HashMap<(String, Option<CountryCode>), (f32, f32)>,
}

impl Placing<'_> {
    fn place(&self, city: &str, country: Option<CountryCode>, is_home: bool) -> Place {
        if !is_home {
            return naming::place(city, country, self.coordinates);
        }
        let known = self.geolocation.home_networks().into_iter().map(|network| network.place);
        let known = known.filter(|place| place.city == city && place.country == country);
        let unset =
            Place { country, city: city.to_owned(), precision: Precision::HomeUnset, ..Place::default() };
        known.into_iter().next().unwrap_or(unset)
    }
}

fn block(range: TimeRange, tier: Tier, by_pair: Groups, totals: Groups, placing: &Placing<'_>) -> Block {
    let mut pairs = Pairs::default();
    let mut sums = Vec::with_capacity(by_pair.groups.len());
    let mut rest: HashMap<(i64, Direction), Traffic, RandomState> = HashMap::default();
    for group in totals.groups {
        if let [Value::Direction(direction)] = group.values.as_slice() {
            *rest.entry((group.step_ms, *direction)).or_default() += group.traffic;
        }
    }
    let passes_ms =
        |step_ms: i64| step_ms.saturating_add(tier.bucket_ms()).min(range.to_ms).saturating_sub(1);
    let mut places: HashMap<(String, Option<CountryCode>, bool), u32, RandomState> = HashMap::default();
    for group in by_pair.groups {
        let [Value::City(from, from_country), Value::City(to, to_country), Value::Direction(direction)] =
            group.values.as_slice()
        else {
            continue;
        };
        let [from_home, to_home] = match direction {
            Direction::Inbound => [false, true],
            Direction::Outbound => [true, false],
            Direction::Internal => [true, true],
            Direction::Transit => [false, false],
        };
        let mut number = |city: &str, country: Option<CountryCode>, is_home: bool| {
            *places
                .entry((city.to_owned(), country, is_home))
                .or_insert_with(|| pairs.add_place(placing.place(city, country, is_home)))
        };
        let (from, to) = (number(from, *from_country, from_home), number(to, *to_country, to_home));
        if let Some(rest) = rest.get_mut(&(group.step_ms, *direction)) {
            *rest = *rest - group.traffic;
        }
        let pair = pairs.add(from, to, *direction);
        sums.push(Sum { passes_ms: passes_ms(group.step_ms), pair, traffic: group.traffic });
    }
    for ((step_ms, direction), traffic) in rest {
        if !traffic.is_none() {
            let pair =
                pairs.add_pair(Pair { from: u32::MAX, to: u32::MAX, direction, fate: Fate::OnlyTotal });
            sums.push(Sum { passes_ms: passes_ms(step_ms), pair, traffic });
        }
    }
    sums.sort_by_key(|sum| (sum.passes_ms, sum.pair));
    Block { sums, pairs, is_partial: by_pair.is_partial || totals.is_partial, ..Block::default() }
}

/// What is asked where sums do not know all groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exactness {
    /// What they know.
    OfSums,
    /// Flow records.
    OfRecords,
}

impl Exactness {
    /// `None` when sums cannot tell.
    async fn ask(
        self,
        tiers: &Tiers,
        request: &Request,
        control: &Control,
    ) -> Result<Option<Groups>, QuestionError> {
        match self {
            Self::OfSums => tiers.sums(request, control).await,
            Self::OfRecords => Ok(Some(tiers.group(request, control).await?.groups)),
        }
    }
}

fn no_totals() -> QuestionError {
    QuestionError::Invalid(
        "Flow records of that time are kept no more, and sums cannot tell what passes this filter."
            .to_owned(),
    )
}

/// What passed in a range, and whether some of it could not be read. Lists that sums cannot tell are empty, and there are no
/// addresses when they cannot tell these.
pub(super) async fn tally(
    shared: &Shared,
    range: TimeRange,
    filter: &Filter,
    with_addresses: bool,
    exactness: Exactness,
    control: &Control,
) -> Result<(Tally, bool), QuestionError> {
    let tiers = shared.history.tiers()?;
    let by = |part: Part| part.request(range, filter, None);
    let mut tally = Tally::new(with_addresses);
    let directions = request(range, filter, &[Field::Direction], None);
    let directions = exactness.ask(tiers, &directions, control).await?.ok_or_else(no_totals)?;
    let mut is_partial = directions.is_partial;
    for group in directions.groups {
        if let [Value::Direction(direction)] = group.values.as_slice()
            && let Some(sum) = tally.by_direction.get_mut(direction.index())
        {
            *sum += group.traffic;
        }
    }
    let mut countries = None;
    if with_addresses {
        countries = exactness.ask(tiers, &by(Part::Addresses), control).await?;
        if countries.is_none() {
            tally.addresses = None;
        }
    }
    if countries.is_none() {
        countries = exactness.ask(tiers, &by(Part::Countries), control).await?;
    }
    let countries = countries.unwrap_or_default();
    is_partial |= countries.is_partial;
    if let (Some(all), Some(total)) = (&mut tally.addresses, countries.totals.first())
        && let Some(found) = &total.addresses
    {
        all.merge(found);
    }
    for group in countries.groups {
        if let [Value::Country(country)] = group.values.as_slice() {
            let known = tally.countries.entry(*country).or_default();
            known.traffic += group.traffic;
            known.addresses = group.addresses.unwrap_or_default();
        }
    }
    let systems = exactness.ask(tiers, &by(Part::Systems), control).await?.unwrap_or_default();
    is_partial |= systems.is_partial;
    for group in systems.groups {
        if let [Value::Number(number)] = group.values.as_slice() {
            *tally.as_numbers.entry(u32::try_from(*number).unwrap_or(0)).or_default() += group.traffic;
        }
    }
    let services = exactness.ask(tiers, &by(Part::Services), control).await?.unwrap_or_default();
    is_partial |= services.is_partial;
    for group in services.groups {
        if let [Value::Service { port, protocol }] = group.values.as_slice()
            && *port > 0
        {
            *tally.ports.entry((*port, *protocol)).or_default() += group.traffic;
        }
    }
    Ok((tally, is_partial))
}
