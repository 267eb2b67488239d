//! The busiest step of each way, and the rate that is rarely exceeded.

use super::asking::{Asking, missing_ms};
use super::over_time::{Line, OverTime, Ways, total};
use crate::model::history::Tier;
use crate::model::report::Peak;
use crate::model::round_lengths::{DAY, MINUTE};
use crate::model::time_range::TimeRange;
use crate::model::traffic::Direction;
use crate::server::history::error::QuestionError;

/// Steps of a short range.
const SHORT_STEP: i64 = 5 * MINUTE;
/// The longest range that is looked at in them.
const MOST_SHORT: i64 = 8 * DAY;
/// So much of it may have to be read from flow records.
const MOST_OF_RECORDS: i64 = DAY;

/// The bytes of a way.
type Pick = fn(&Ways) -> u64;

/// The peaks of inbound, outbound and all traffic; none when they are not wanted or only days are kept.
///
/// Of a step that is partly in the range the part counts, unless it is shorter than half of a step; a step in which
/// nothing was collected does not count.
pub(super) async fn find(
    asking: &Asking<'_>,
    over_time: &OverTime,
    is_wanted: bool,
) -> Result<Vec<Peak>, QuestionError> {
    if !is_wanted || !over_time.now.is_by_hour() {
        return Ok(Vec::new());
    }
    let fine = if has_minutes(asking) {
        let line = Line::find(asking, asking.range, SHORT_STEP).await?;
        Some(line).filter(|line| line.made_of.lost.is_empty())
    } else {
        None
    };
    let line = fine.as_ref().unwrap_or(&over_time.now);
    let collected_ms = asking.collected_ms(asking.range);
    let steps = collected(asking, line);
    let ways: [(&str, Pick); 3] = [
        ("Inbound", |ways| ways[Direction::Inbound.index()].scaled_bytes),
        ("Outbound", |ways| ways[Direction::Outbound.index()].scaled_bytes),
        ("All", |ways| total(ways).scaled_bytes),
    ];
    let peaks = ways.into_iter().filter_map(|(name, pick)| {
        let mut rates: Vec<(u64, i64)> =
            steps.iter().map(|(range, ways)| (rate(pick(ways), range.length_ms()), range.from_ms)).collect();
        let (peak, at_ms) = rates.iter().copied().min_by_key(|(rate, at)| (std::cmp::Reverse(*rate), *at))?;
        rates.sort_unstable();
        let rank = (rates.len() * 95).div_ceil(100).saturating_sub(1);
        let bytes = line.points.iter().map(pick).fold(0_u64, u64::saturating_add);
        Some(Peak {
            way: name.to_owned(),
            step_ms: line.steps.step_ms,
            peak_bits_per_second: peak,
            peak_at: asking.calendar.moment(at_ms),
            p95_bits_per_second: rates.get(rank).map_or(0, |(rate, _)| *rate),
            mean_bits_per_second: rate(bytes, collected_ms),
        })
    });
    Ok(peaks.collect())
}

/// The steps of a line that are over and in which something was collected.
pub(super) fn collected<'a>(asking: &Asking<'_>, line: &'a Line) -> Vec<(TimeRange, &'a Ways)> {
    let gaps = asking.gaps(asking.range);
    let parts = || line.parts().filter_map(|(step, ways)| Some((asking.past(step)?, ways)));
    let is_collected = |range: TimeRange, ways: &Ways| {
        !total(ways).is_none() || missing_ms(range, &gaps) < range.length_ms()
    };
    let half = line.steps.step_ms / 2;
    let steps: Vec<_> =
        parts().filter(|(range, ways)| range.length_ms() >= half && is_collected(*range, ways)).collect();
    if steps.is_empty() {
        parts().filter(|(range, ways)| is_collected(*range, ways)).collect()
    } else {
        steps
    }
}

/// Bits a second.
pub(super) fn rate(bytes: u64, length_ms: i64) -> u64 {
    let bits = u128::from(bytes) * 8_000;
    u128::try_from(length_ms)
        .ok()
        .and_then(|length| bits.checked_div(length))
        .map_or(0, |rate| u64::try_from(rate).unwrap_or(u64::MAX))
}

/// True when sums of minutes have all of the range, or flow records the little that they lack.
fn has_minutes(asking: &Asking<'_>) -> bool {
    let range = asking.range;
    let from_ms = asking.tiers.kept_from_ms(Tier::Minute).unwrap_or(range.from_ms);
    range.length_ms() <= MOST_SHORT
        && from_ms.saturating_sub(range.from_ms) <= MOST_OF_RECORDS
        && asking.tiers.plans(&asking.request(range, &[]))
}
