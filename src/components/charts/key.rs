//! What the signs of a chart mean that its table does not explain: gaps in collection, and the period before.

use leptos::prelude::*;

use super::colour_class;
use super::time_chart::{Form, Picture};

/// What is said of time in which nothing was collected.
pub const NOT_COLLECTED: &str = "nothing was collected";

/// The key of a chart, or of several with the same signs; `None` where there is nothing to explain.
pub fn key(picture: &Picture) -> Option<AnyView> {
    let has_gap = picture.gaps.iter().any(|gap| gap.intersection(picture.axis.range).is_some());
    let gap = has_gap.then(|| {
        view! {
            <li class="chart-key__entry">
                <svg class="chart-key__sign" viewBox="0 0 24 12" aria-hidden="true">
                    <rect class="chart__gap" x="1" y="1" width="22" height="10"></rect>
                </svg>
                " "
                {NOT_COLLECTED}
            </li>
        }
    });
    let previous = picture.previous.as_ref().filter(|before| !before.lines.is_empty()).map(|before| {
        let what = match picture.form {
            Form::Stacked => "all flows in the period before",
            Form::Lines | Form::Shares => "the same line in the period before",
        };
        let class = format!("chart__previous {}", colour_class(None));
        view! {
            <li class="chart-key__entry">
                <svg class="chart-key__sign" viewBox="0 0 24 12" aria-hidden="true">
                    <line class=class x1="0" x2="24" y1="6" y2="6"></line>
                </svg>
                " "
                {format!("{what}: {}", picture.axis.text(before.range))}
            </li>
        }
    });
    let has_any = gap.is_some() || previous.is_some();
    has_any.then(|| {
        view! { <ul class="chart-key" aria-label="Signs of the chart">{gap} {previous}</ul> }.into_any()
    })
}
