//! What several sections of a report have in common.

use leptos::prelude::*;

use super::picture::Picture;
use crate::components::drawing::Drawing;
use crate::components::heatmap::rows::{certainty, full, short};
use crate::model::history::{Amount, Metric};
use crate::model::report::Section;

/// A section with its heading.
#[component]
pub fn Part(
    /// Which.
    section: Section,
    /// Another heading than its own.
    #[prop(optional, into)]
    heading: Option<String>,
    /// What it has.
    children: Children,
) -> impl IntoView {
    let shown = heading.unwrap_or_else(|| section.heading().to_owned());
    view! {
        <section class=format!("report__section report__section--{}", section.name()) id=section.name() aria-labelledby=format!("{}-title", section.name())>
            <h2 id=format!("{}-title", section.name()) class="report__heading">{shown}</h2>
            {children()}
        </section>
    }
    .into_any()
}

/// A figure in two widths, of which the style shows the one that fits.
#[component]
pub fn Figure(
    /// For a desk and for paper.
    wide: Drawing,
    /// For a telephone.
    narrow: Drawing,
    /// What it shows.
    #[prop(into)]
    caption: String,
) -> impl IntoView {
    view! {
        <figure class="report__figure">
            <figcaption class="report__caption">{caption}</figcaption>
            <Picture drawing=wide class="drawing--wide"/>
            <Picture drawing=narrow class="drawing--narrow"/>
        </figure>
    }
    .into_any()
}

/// The head of a table: what a row is of, then what its figures are.
pub fn head(row: impl Into<String>, figures: &[&'static str]) -> AnyView {
    let figures = figures
        .iter()
        .map(|name| view! { <th scope="col" class="data-table__number">{*name}</th> })
        .collect_view();
    view! {
        <thead>
            <tr>
                <th scope="col">{row.into()}</th>
                {figures}
            </tr>
        </thead>
    }
    .into_any()
}

/// A cell with a figure of an amount: three digits to read, all of them in its value.
pub fn cell(amount: &Amount, metric: Metric) -> AnyView {
    let label = crate::components::heatmap::rows::metric_label(metric);
    view! {
        <td class="data-table__number" data-label=label data-metric=metric.name()>{figure(amount, metric)}</td>
    }
    .into_any()
}

/// A figure of an amount; a dash where it was not counted.
pub fn figure(amount: &Amount, metric: Metric) -> AnyView {
    let value = amount.of(metric);
    let known = certainty(amount, metric);
    if metric == Metric::Addresses && amount.addresses.is_none() {
        return view! { <span class="data-table__none" title="Not counted">"–"</span> }.into_any();
    }
    let about = known.starts_with('±').then_some("≈\u{202f}");
    let title =
        if known.is_empty() { full(metric, value) } else { format!("{}, {known}", full(metric, value)) };
    view! { <data value=value.to_string() title=title>{about}{short(metric, value)}</data> }.into_any()
}
