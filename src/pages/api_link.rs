//! Links to the stable API: the question of a page, as a file. They work without WASM.

use leptos::prelude::*;
use leptos_router::params::ParamsMap;

use crate::model::history::FlowsQuestion;
use crate::model::quantity;
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

/// A link to a file, which the browser loads: it is no page.
pub fn link(url: String, name: String) -> AnyView {
    view! { <a href=url rel="external" download>{name}</a> " " }.into_any()
}

/// Links to the flow records of a range: all of them as files, the newest as JSON.
pub fn flow_files(range: TimeRange, filter: &str) -> AnyView {
    let [csv, parquet] = [("csv", "CSV"), ("parquet", "Parquet")].map(|(format, name)| {
        let query = query(range, filter, format);
        link(format!("/api/v1/flows{}", query.to_query_string()), name.to_owned())
    });
    let mut newest = query(range, filter, "json");
    newest.insert("rows", FlowsQuestion::MOST_ROWS.to_string());
    let json = link(format!("/api/v1/flows{}", newest.to_query_string()), "JSON".to_owned());
    let most = quantity::count(u64::from(FlowsQuestion::MOST_ROWS));
    view! { {csv} {parquet} "· the newest " {most} ": " {json} }.into_any()
}
