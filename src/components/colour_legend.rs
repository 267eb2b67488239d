//! What the colours of the arcs mean, with figures, and the switch between the meanings.

use leptos::prelude::*;

use crate::model::frame::Totals;
use crate::model::quantity;
use crate::model::traffic::Traffic;

/// What an arc's colour says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColourBy {
    /// The direction, seen from the home networks.
    #[default]
    Direction,
    /// The IP protocol.
    Protocol,
    /// The autonomous system of the external end.
    AutonomousSystem,
}

impl ColourBy {
    /// Every choice, in the order of the switch.
    pub const ALL: [Self; 3] = [Self::Direction, Self::Protocol, Self::AutonomousSystem];

    /// The word in the address bar.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Direction => "direction",
            Self::Protocol => "protocol",
            Self::AutonomousSystem => "as",
        }
    }

    /// Reads that word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|choice| choice.name() == text)
    }

    const fn label(self) -> &'static str {
        match self {
            Self::Direction => "Direction",
            Self::Protocol => "Protocol",
            Self::AutonomousSystem => "AS",
        }
    }

    const fn covers(self) -> &'static str {
        match self {
            Self::Direction => "all flows",
            Self::Protocol => "flows drawn since this view was opened",
            Self::AutonomousSystem => "external ends, last minute",
        }
    }
}

/// One line of the legend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegendEntry {
    /// The colour, 0 to 7.
    pub colour: u8,
    /// What it stands for.
    pub name: String,
    /// How much of it there is; `None` while that is being counted.
    pub traffic: Option<Traffic>,
    /// The filter term that it stands for; empty for "other".
    pub term: String,
}

/// The legend and the switch.
#[component]
pub fn ColourLegend(
    /// The meaning now.
    colour_by: RwSignal<ColourBy>,
    /// The lines.
    #[prop(into)]
    entries: Signal<Vec<LegendEntry>>,
    /// For what could not be drawn.
    totals: Signal<Option<Totals>>,
    /// Called with the term of a line that was chosen.
    on_term: Callback<String>,
    /// True while the page gives the colours a meaning of its own, and there is nothing to choose.
    #[prop(optional, into)]
    is_given: Signal<bool>,
) -> impl IntoView {
    let switch = ColourBy::ALL
        .map(|choice| {
            view! {
                <button
                    type="button"
                    class="colour-legend__choice"
                    aria-pressed=move || if colour_by.get() == choice { "true" } else { "false" }
                    on:click=move |_| colour_by.set(choice)
                >
                    {choice.label()}
                </button>
                " "
            }
        })
        .collect_view();
    let length = Memo::new(move |_| entries.with(Vec::len));
    view! {
        <aside class="colour-legend" aria-label="Colours of the arcs">
            <div class="colour-legend__switch" role="group" aria-label="Colour arcs by" hidden=move || is_given.get()>
                {switch}
            </div>
            <ul
                class="colour-legend__entries"
                title=move || (!is_given.get()).then(|| format!("Figures: {}", colour_by.get().covers()))
            >
                <For each=move || 0..length.get() key=|position| *position let:position>
                    <Line entry=Memo::new(move |_| entries.with(|entries| entries.get(position).cloned())) on_term/>
                </For>
            </ul>
            <p class="colour-legend__rest" title="Width of an arc: its bytes">
                {move || totals.get().map(|totals| rest(&totals))}
            </p>
        </aside>
    }
    .into_any()
}

#[component]
fn Line(entry: Memo<Option<LegendEntry>>, on_term: Callback<String>) -> impl IntoView {
    let part = move |of: fn(&LegendEntry) -> String| {
        move || entry.with(|entry| entry.as_ref().map(of).unwrap_or_default())
    };
    let term = part(|entry| entry.term.clone());
    view! {
        <li title=part(|entry| entry.traffic.map_or_else(|| "Being counted".to_owned(), quantity::in_full))>
            <button
                type="button"
                class="colour-legend__entry"
                disabled=move || term().is_empty()
                on:click=move |_| on_term.run(term())
            >
                <span class=part(|entry| format!("swatch swatch--{}", entry.colour)) aria-hidden="true"></span>
                " "
                <span class="colour-legend__name">{part(|entry| entry.name.clone())}</span>
                " "
                <span class="colour-legend__flows">{part(flows)}</span>
            </button>
            " "
        </li>
    }
}

fn flows(entry: &LegendEntry) -> String {
    entry.traffic.map_or_else(|| "–".to_owned(), |traffic| quantity::short_count(traffic.flows))
}

/// What the map does not show.
fn rest(totals: &Totals) -> String {
    let mut parts = Vec::new();
    if totals.not_drawn.flows > 0 {
        parts.push(format!("{} flows over the arc budget", quantity::short_count(totals.not_drawn.flows)));
    }
    if totals.unlocated.flows > 0 {
        parts.push(format!("{} flows without a place", quantity::short_count(totals.unlocated.flows)));
    }
    if parts.is_empty() { String::new() } else { format!("Not drawn: {}", parts.join(", ")) }
}
