//! What is said of where a replay comes from.

use std::time::Instant;

use super::Shared;
use super::sums::Part;
use crate::model::history::{Source, Tier};
use crate::model::time::date_and_time;
use crate::model::time_range::TimeRange;
use crate::server::history::planner::{MadeOf, WIDENED};

/// What a replay is made of: sums of a tier and what these cannot tell, or flow records. `asked` is the range that was asked
/// for, `range` what is played; filtered when some flows do not pass.
pub(super) fn source(
    shared: &Shared,
    (asked, range): (TimeRange, TimeRange),
    tier: Option<Tier>,
    untold: &[Part],
    is_partial: bool,
    is_filtered: bool,
) -> Source {
    let mut made_of =
        MadeOf { tiers: vec![tier.unwrap_or(Tier::Archive)], range: Some(range), ..MadeOf::default() };
    let Ok(tiers) = shared.history.tiers() else {
        return Source {
            tiers: made_of.tiers,
            range,
            is_complete: false,
            note: "Nothing is kept of the past yet.".to_owned(),
            gaps: Vec::new(),
            took_ms: 0,
        };
    };
    let kept = tiers.archive().kept_from_ms().filter(|kept| *kept > range.from_ms);
    if let Some(tier) = tier {
        let why = if kept.is_some() {
            "flow records of that time are kept no more"
        } else {
            "more flow records pass than can be read one by one"
        };
        made_of.notes.push(format!(
            "Played from {}, as {why}: totals are right where one of them ends, and lists and arcs have what \
             the sums know one by one, which is what had most traffic.",
            tier.name()
        ));
        if asked != range {
            made_of.notes.push(WIDENED.to_owned());
        }
        if !untold.is_empty() {
            let untold: Vec<_> = untold.iter().map(|part| part.name()).collect();
            made_of.notes.push(format!(
                "Of flows that pass this filter sums cannot tell {}: that is left out.",
                untold.join(", ")
            ));
        }
        if is_partial && is_filtered {
            made_of.faults.push(
                "Sums know one by one what had most traffic: of the rest, what passes this filter may be in no figure."
                    .to_owned(),
            );
        } else if is_partial && !untold.contains(&Part::Pairs) {
            made_of.notes.push(
                "Sums know the pairs of cities with most traffic: the rest is in the totals only.".to_owned(),
            );
        }
    } else {
        if is_partial {
            made_of.faults.push("A file of the archive cannot be read: its flows are missing.".to_owned());
        }
        if let Some(kept_from_ms) = kept {
            made_of.faults.push(format!("Flow records are kept from {} on.", date_and_time(kept_from_ms)));
        }
    }
    tiers.source(range, made_of, Instant::now())
}
