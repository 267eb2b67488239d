//! Links to the stable API: the question of a page, as a file. They work without WASM.

use leptos_router::params::ParamsMap;

use crate::model::time_range::TimeRange;
use crate::model::time_words::TimeWords;

/// The parameters that every question has: range, filter, and what the answer is written as.
pub fn query(range: TimeRange, filter: &str, format: &str) -> ParamsMap {
    let words = TimeWords::of(range);
    let mut query = ParamsMap::new();
    query.insert("from", words.from);
    query.insert("to", words.to);
    if !filter.is_empty() {
        query.insert("filter", filter.to_owned());
    }
    query.insert("format", format.to_owned());
    query
}
