//! The exporters: what they told, when they were silent, and what is missing of them.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use super::MOST_DAYS_BY_HOUR;
use super::asking::{Asking, Before};
use crate::model::filter::{Field, Filter};
use crate::model::history::{Amount, Dimension};
use crate::model::report::{Compared, ExporterEntry};
use crate::model::round_lengths::{DAY, HOUR};
use crate::model::time_range::TimeRange;
use crate::model::traffic::Traffic;
use crate::server::history::error::QuestionError;
use crate::server::history::groups::{Group, Value};
use crate::server::history::planner::of_store;
use crate::server::history::request::Request;
use crate::server::store::ExporterLoss;

/// The most exporters that are told one by one.
const MOST: usize = 500;
/// Hours of exporters that are looked at together.
const MOST_HOURS: usize = 200_000;

/// The exporters of a report.
#[derive(Clone, Debug, Default)]
pub(super) struct Exporters {
    /// Most bytes first.
    pub rows: Vec<ExporterEntry>,
    /// Exporters with less, which are left out.
    pub left_out: usize,
    /// What is missing of all exporters, also without the section.
    pub losses: ExporterLoss,
    /// True when it could be told in which hours they were silent.
    pub has_silence: bool,
}

/// When an exporter told something.
#[derive(Clone, Copy, Debug)]
struct Heard {
    /// The first hour, since 1970.
    first: i64,
    /// In how many it did.
    hours: i64,
}

pub(super) async fn find(
    asking: &Asking<'_>,
    before: &Before,
    is_wanted: bool,
) -> Result<Exporters, QuestionError> {
    let losses = asking.tiers.exporter_losses(asking.range).await.map_err(of_store)?;
    let of_all = losses.values().fold(ExporterLoss::default(), |sum, loss| ExporterLoss {
        missing_records: sum.missing_records.saturating_add(loss.missing_records),
        missing_datagrams: sum.missing_datagrams.saturating_add(loss.missing_datagrams),
        undecodable: sum.undecodable.saturating_add(loss.undecodable),
    });
    if !is_wanted {
        return Ok(Exporters { losses: of_all, ..Exporters::default() });
    }
    let now = by_exporter(asking, asking.range).await?.unwrap_or_default();
    let had = if before.is_known() { by_exporter(asking, asking.range_before).await? } else { None };
    // Who told something before and nothing now is missed most.
    let addresses = now.keys().chain(had.iter().flat_map(BTreeMap::keys)).chain(losses.keys());
    let mut addresses: Vec<IpAddr> = addresses.copied().collect();
    addresses.sort_unstable_by_key(|address| {
        let bytes = now.get(address).map_or(0, |traffic| traffic.scaled_bytes);
        (std::cmp::Reverse(bytes), *address)
    });
    addresses.dedup();
    let in_all = addresses.len();
    addresses.truncate(MOST);
    let silent = silent_hours(asking, in_all).await?;
    let amount =
        |traffic: Option<&Traffic>| Amount { traffic: traffic.copied().unwrap_or_default(), addresses: None };
    let rows = addresses.into_iter().map(|address| {
        let keys = asking.naming.keys(&[Dimension::Field(Field::Exporter)], &[Value::Address(address)]);
        let ExporterLoss { missing_records, missing_datagrams, undecodable } =
            losses.get(&address).copied().unwrap_or_default();
        ExporterEntry {
            exporter: keys.into_iter().next().unwrap_or_default(),
            amount: Compared {
                now: amount(now.get(&address)),
                before: had.as_ref().map(|had| amount(had.get(&address))),
            },
            missing_records,
            missing_datagrams,
            undecodable,
            silent_hours: silent.as_ref().and_then(|silent| {
                let is_known = had.as_ref().is_some_and(|had| had.contains_key(&address));
                silent.of(&address, is_known)
            }),
        }
    });
    let left_out = in_all.saturating_sub(MOST);
    Ok(Exporters { rows: rows.collect(), left_out, losses: of_all, has_silence: silent.is_some() })
}

/// What each exporter told; `None` where not all of it is kept.
async fn by_exporter(
    asking: &Asking<'_>,
    range: TimeRange,
) -> Result<Option<BTreeMap<IpAddr, Traffic>>, QuestionError> {
    let found = asking.group(&asking.request(range, &[Dimension::Field(Field::Exporter)])).await?;
    let is_known = range == asking.range || found.made_of.lost.is_empty();
    let by_address = found.groups.groups.iter().filter_map(|group| Some((address(group)?, group.traffic)));
    Ok(is_known.then(|| by_address.collect()))
}

fn address(group: &Group) -> Option<IpAddr> {
    match group.values.as_slice() {
        [Value::Address(address)] => Some(*address),
        _ => None,
    }
}

/// In which hours exporters told something.
struct Silence {
    heard: HashMap<IpAddr, Heard>,
    /// The hours of the range that are over, since 1970.
    first: i64,
    end: i64,
    gaps: Vec<TimeRange>,
}

impl Silence {
    /// In how many hours an exporter told nothing at all since it first did, or since the range began when it was heard
    /// before it; hours in which nothing was collected are not counted.
    fn of(&self, address: &IpAddr, is_known_before: bool) -> Option<u32> {
        let heard = self.heard.get(address);
        let first = match heard {
            Some(heard) if !is_known_before => heard.first,
            None if !is_known_before => return None,
            _ => self.first,
        };
        let silent = self.end - first - heard.map_or(0, |heard| heard.hours) - self.not_collected(first);
        u32::try_from(silent.max(0)).ok()
    }

    /// Whole hours after one in which nothing was collected.
    fn not_collected(&self, first: i64) -> i64 {
        let inside = |gap: &TimeRange| {
            let from = gap.from_ms.saturating_add(HOUR - 1).div_euclid(HOUR).max(first);
            (gap.to_ms.div_euclid(HOUR).min(self.end) - from).max(0)
        };
        self.gaps.iter().map(inside).sum()
    }
}

/// Looks when so many exporters told something, hour by hour; `None` where hours are not kept.
async fn silent_hours(asking: &Asking<'_>, exporters: usize) -> Result<Option<Silence>, QuestionError> {
    let Some(past) = asking.past(asking.range).filter(|past| past.length_ms() <= MOST_DAYS_BY_HOUR * DAY)
    else {
        return Ok(None);
    };
    let hours = i64::try_from(MOST_HOURS / exporters.max(1)).unwrap_or(1).max(1);
    let mut heard: HashMap<IpAddr, Heard> = HashMap::new();
    let mut from_ms = past.from_ms;
    while from_ms < past.to_ms {
        // Cut where an hour ends.
        let end = from_ms.saturating_add(hours * HOUR).div_euclid(HOUR) * HOUR;
        let range = TimeRange { from_ms, to_ms: end.min(past.to_ms) };
        from_ms = end;
        let request = Request {
            filter: Filter::ALL,
            step_ms: Some(HOUR),
            ..asking.request(range, &[Dimension::Field(Field::Exporter)])
        };
        let found = match asking.group(&request).await {
            // More than can be told apart.
            Err(QuestionError::Invalid(_)) => return Ok(None),
            found => found?,
        };
        if !found.made_of.lost.is_empty() {
            return Ok(None);
        }
        for group in &found.groups.groups {
            let (Some(address), hour) = (address(group), group.step_ms.div_euclid(HOUR)) else { continue };
            let known = heard.entry(address).or_insert(Heard { first: hour, hours: 0 });
            known.first = known.first.min(hour);
            known.hours += 1;
        }
    }
    // The hour that runs may yet bring something.
    let end = past.to_ms.saturating_add(if past.to_ms == asking.range.to_ms { HOUR - 1 } else { 0 });
    Ok(Some(Silence {
        heard,
        first: past.from_ms.div_euclid(HOUR),
        end: end.div_euclid(HOUR),
        gaps: asking.gaps(past),
    }))
}
