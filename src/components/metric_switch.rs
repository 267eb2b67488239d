//! The switch between flows, bytes, packets and distinct addresses.
//!
//! A real form: without WASM it loads the page with the metric in its address.

use leptos::prelude::*;

use crate::model::history::Metric;

/// The switch.
#[component]
pub fn MetricSwitch(
    /// The metric now.
    #[prop(into)]
    metric: Signal<Metric>,
    /// The metrics that can be chosen; all of them unless said otherwise.
    #[prop(default = &Metric::ALL)]
    choices: &'static [Metric],
    /// The other parameters of the address, which the form keeps.
    #[prop(into)]
    others: Signal<Vec<(String, String)>>,
    /// Called with the metric that was chosen.
    on_metric: Callback<Metric>,
) -> impl IntoView {
    let switch = choices
        .iter()
        .map(|choice| {
            let choice = *choice;
            view! {
                <button
                    type="submit"
                    name="metric"
                    value=choice.name()
                    class="metric-switch__choice"
                    title=meaning(choice)
                    aria-pressed=move || if metric.get() == choice { "true" } else { "false" }
                    on:click=move |event| {
                        event.prevent_default();
                        on_metric.run(choice);
                    }
                >
                    {label(choice)}
                </button>
                " "
            }
        })
        .collect_view();
    view! {
        <form class="metric-switch" method="get" role="group" aria-label="What is measured">
            <HiddenFields others/>
            {switch}
        </form>
    }
    .into_any()
}

/// The other parameters of an address, for a form that works without WASM.
#[component]
pub fn HiddenFields(
    /// Names and values.
    others: Signal<Vec<(String, String)>>,
) -> impl IntoView {
    move || {
        let fields = others.get().into_iter();
        fields.map(|(name, value)| view! { <input type="hidden" name=name value=value/> }).collect_view()
    }
}

/// What the switch calls a metric.
pub const fn label(metric: Metric) -> &'static str {
    match metric {
        Metric::Flows => "Flows",
        Metric::Bytes => "Bytes",
        Metric::Packets => "Packets",
        Metric::Addresses => "Distinct IPs",
    }
}

const fn meaning(metric: Metric) -> &'static str {
    match metric {
        Metric::Flows => "Flow records",
        Metric::Bytes => "Bytes, scaled by sampling",
        Metric::Packets => "Packets, scaled by sampling",
        Metric::Addresses => "Different addresses outside of the home networks",
    }
}
