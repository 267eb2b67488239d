//! How a filter is written, in short.

use leptos::prelude::*;

use crate::model::filter::{FIELDS, Field};

/// What filters there are, by example.
const EXAMPLES: [(&str, &str); 8] = [
    ("country = DE and service = https", "both hold; bare country, port, address, as and city are of either end"),
    ("dst.port in (53, 443) or src.as = 15169", "one end only: src. and dst."),
    (
        "outside.country != US",
        "outside. is the end that is not in a home network: both of transit flows, none of internal ones",
    ),
    ("home.address = 10.1.0.0/16", "home. is the end in a home network: both of internal flows, none of transit"),
    ("not direction = internal and bytes > 5M", "not; k, M, G and T; bytes and packets as exported"),
    ("flags = syn", "exactly these TCP flags: names (syn+ack), letters (SA) or a number (18)"),
    ("flags has syn and not flags has ack", "these flags are set, others may be"),
    ("city = \"New York\"", "several words need quotes; country = unknown is no country at all"),
];

/// The help.
#[component]
pub(super) fn FilterHelp() -> impl IntoView {
    let examples = EXAMPLES.map(|(example, meaning)| {
        view! {
            <dt><code>{example}</code></dt>
            <dd>{meaning}</dd>
        }
    });
    let fields = FIELDS.map(|(name, has_ends, example)| {
        let meaning = Field::parse(name).map(Field::meaning).unwrap_or_default();
        let ends = if has_ends { ", also src. dst. outside. home." } else { "" };
        view! {
            <dt><code>{format!("{name} = {example}")}</code></dt>
            <dd>{meaning}{ends}</dd>
        }
    });
    view! {
        <details class="fold filter-menu__help">
            <summary>"How to write a filter"</summary>
            <dl class="filter-menu__words">{examples.into_iter().collect_view()}</dl>
            <h3>"Fields"</h3>
            <dl class="filter-menu__words">{fields.into_iter().collect_view()}</dl>
        </details>
    }
}
