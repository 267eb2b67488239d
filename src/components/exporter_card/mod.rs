//! One exporter: is it well, what does it send, what was lost or left out, what it says of itself.
//!
//! What counts is always in sight; what is zero or rarely asked for is under "More". Figures change in place, so
//! that an opened part stays open and nothing jumps.

mod agent;
mod figures;
mod health;
mod losses;
mod names;
mod sampling;
mod templates;

use leptos::prelude::*;

use self::agent::Agent;
use self::figures::{Figures, MoreFigures};
use self::losses::Losses;
use self::names::Names;
use self::sampling::Samplers;
use self::templates::Templates;
use crate::model::exporter::Exporter;
use crate::model::traffic::Traffic;
use crate::model::{quantity, time};

/// What an exporter sent lately.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recent {
    /// How much.
    pub traffic: Traffic,
    /// In how many milliseconds.
    pub over_ms: u64,
}

/// The card.
#[component]
pub fn ExporterCard(
    /// The exporter; `None` once it is forgotten.
    exporter: Memo<Option<Exporter>>,
    /// What it sent lately; `None` before two answers of the server are known.
    recent: Signal<Option<Recent>>,
    /// The server's clock, milliseconds since 1970.
    now_ms: Signal<i64>,
) -> impl IntoView {
    let age_ms = Memo::new(move |_| {
        let last_seen_ms = of(exporter, |exporter| exporter.last_seen_ms).unwrap_or_default();
        now_ms.get().saturating_sub(last_seen_ms).max(0)
    });
    let verdict = Memo::new(move |_| {
        exporter
            .with(|exporter| exporter.as_ref().map(|exporter| health::verdict(exporter, age_ms.get())))
            .unwrap_or_default()
    });
    let class = move || format!("health health--{}", verdict.with(|verdict| verdict.tone.name()));
    let address = of(exporter, |exporter| exporter.address.to_string()).unwrap_or_default();
    let label = format!("Exporter {address}");
    view! {
        <article class="exporter panel" aria-label=label>
            <header class="exporter__header">
                <h2 class="exporter__address">{address}</h2>
                " "
                <span class=class title=move || verdict.with(|verdict| verdict.why.clone())>
                    <span class="health__dot" aria-hidden="true"></span>
                    {move || verdict.with(|verdict| verdict.word.clone())}
                </span>
                " "
                <span class="exporter__protocols">{text(exporter, protocols)}</span>
                " "
                <span class="exporter__seen" title=text(exporter, seen)>
                    {move || format!("last heard {} ago", quantity::age(age_ms.get()))}
                </span>
            </header>
            <Figures exporter recent/>
            <div class="exporter__parts">
                <Losses exporter/>
                <Samplers exporter/>
                <Names exporter/>
                <Agent exporter/>
            </div>
            <div class="exporter__folds">
                <MoreFigures exporter/>
                <Templates exporter/>
            </div>
        </article>
    }
    .into_any()
}

/// A value of the exporter; `None` once it is forgotten.
fn of<Value>(exporter: Memo<Option<Exporter>>, value: impl Fn(&Exporter) -> Value) -> Option<Value> {
    exporter.with(|exporter| exporter.as_ref().map(value))
}

/// A text about the exporter that follows it.
fn text(exporter: Memo<Option<Exporter>>, of: fn(&Exporter) -> String) -> impl Fn() -> String + Copy {
    move || exporter.with(|exporter| exporter.as_ref().map(of).unwrap_or_default())
}

fn protocols(exporter: &Exporter) -> String {
    exporter.protocols.iter().map(|protocol| protocol.name()).collect::<Vec<_>>().join(", ")
}

fn seen(exporter: &Exporter) -> String {
    format!(
        "First {}, last {}",
        time::date_and_time(exporter.first_seen_ms),
        time::date_and_time(exporter.last_seen_ms)
    )
}
