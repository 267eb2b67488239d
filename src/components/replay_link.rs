//! Links to `/replay`: from here on, with the filter that is in force.

use leptos_router::params::ParamsMap;

use crate::model::filter_terms::with_term;
use crate::model::time_range::TimeRange;
use crate::model::time_words::TimeWords;

/// What is replayed around a flow record, before and after it.
const AROUND_MS: i64 = 5 * 60_000;

/// The replay of a range with a filter; a term is added to it. Either may be empty.
pub fn replay_href(words: &TimeWords, filter: &str, term: &str) -> String {
    let mut query = ParamsMap::new();
    query.insert("from", words.from.clone());
    query.insert("to", words.to.clone());
    let filter = if term.is_empty() { filter.to_owned() } else { with_term(filter, term) };
    if !filter.is_empty() {
        query.insert("filter", filter);
    }
    format!("/replay{}", query.to_query_string())
}

/// The replay around a flow record that was received at a moment: it stands where the record has just passed.
pub fn replay_moment_href(received_ms: i64, filter: &str) -> String {
    let around = TimeRange {
        from_ms: received_ms.saturating_sub(AROUND_MS).max(0),
        to_ms: received_ms.saturating_add(AROUND_MS),
    };
    let passed = TimeRange { from_ms: received_ms.saturating_add(1), to_ms: around.to_ms };
    let mut query = ParamsMap::new();
    query.insert("at", TimeWords::of(passed).from);
    let at = query.to_query_string().replacen('?', "&", 1);
    format!("{}{at}&speed=1", replay_href(&TimeWords::of(around), filter, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_has_the_range_and_both_filters() {
        let words = TimeWords::new("-6h", "now");
        assert_eq!(replay_href(&words, "", ""), "/replay?from=%2D6h&to=now");
        let both = replay_href(&words, "service = 53", "outside.country = \"DE\"");
        let moment = replay_moment_href(1_700_000_000_000, "");
        assert!(moment.ends_with("&at=2023%2D11%2D14T22%3A13%3A20%2E001Z&speed=1"), "{moment}");
        assert!(both.contains("service%20%3D%2053%20and%20outside%2Ecountry"), "{both}");
    }
}
