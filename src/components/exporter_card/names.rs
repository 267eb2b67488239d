//! Names that an exporter's options records give: of interfaces, VRFs and applications.

use leptos::prelude::*;

use crate::model::exporter::Exporter;
use crate::model::options::InterfaceName;
use crate::model::quantity;

/// So many names stand on the card; more are folded away.
const SHOWN: usize = 12;

/// A kind of names.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Kind {
    title: &'static str,
    /// Number and name.
    names: Vec<(u32, String)>,
    /// How many more there are that the server does not list.
    unlisted: u64,
}

/// The names.
#[component]
pub fn Names(exporter: Memo<Option<Exporter>>) -> impl IntoView {
    let kinds =
        Memo::new(move |_| exporter.with(|exporter| exporter.as_ref().map(kinds).unwrap_or_default()));
    let part = move |title: &'static str| {
        Memo::new(move |_| kinds.with(|kinds| kinds.iter().find(|kind| kind.title == title).cloned()))
    };
    let interfaces = part(INTERFACES);
    let vrfs = part(VRFS);
    view! {
        <Show when=move || interfaces.with(Option::is_some)><Part kind=interfaces/></Show>
        <Show when=move || vrfs.with(Option::is_some)><Part kind=vrfs/></Show>
    }
    .into_any()
}

const INTERFACES: &str = "Interfaces";
const VRFS: &str = "VRFs";

#[component]
fn Part(kind: Memo<Option<Kind>>) -> impl IntoView {
    let title = move || kind.with(|kind| kind.as_ref().map(|kind| kind.title));
    let total = move || {
        let total = kind.with(|kind| kind.as_ref().map_or(0, |kind| kind.names.len() as u64 + kind.unlisted));
        quantity::count(total)
    };
    let list = move |from: usize, to: usize| {
        move || {
            let names = kind.get().map(|kind| kind.names).unwrap_or_default();
            names
                .into_iter()
                .skip(from)
                .take(to.saturating_sub(from))
                .map(|(number, name)| view! { <li><b>{number}</b>" "<span>{name}</span></li> })
                .collect_view()
        }
    };
    let has_more =
        Memo::new(move |_| kind.with(|kind| kind.as_ref().is_some_and(|kind| kind.names.len() > SHOWN)));
    let unlisted = move || {
        let unlisted = kind.with(|kind| kind.as_ref().map_or(0, |kind| kind.unlisted));
        (unlisted > 0).then(|| format!("and {} more", quantity::count(unlisted)))
    };
    view! {
        <section class="exporter__part">
            <h3>{title}" "<span class="panel__note">{total}</span></h3>
            <ul class="facts-list facts-list--columns">{list(0, SHOWN)}</ul>
            <Show when=move || has_more.get()>
                <details class="fold">
                    <summary>"All of them"</summary>
                    <ul class="facts-list facts-list--columns">{list(SHOWN, usize::MAX)}</ul>
                </details>
            </Show>
            <p class="panel__hint">{unlisted}</p>
        </section>
    }
    .into_any()
}

fn kinds(exporter: &Exporter) -> Vec<Kind> {
    let interfaces: Vec<_> =
        exporter.interfaces.iter().map(|one| (one.index, label(one).to_owned())).collect();
    let vrfs: Vec<_> = exporter.vrfs.iter().map(|vrf| (vrf.id, vrf.name.clone())).collect();
    let unlisted = exporter.interface_names.saturating_sub(interfaces.len() as u64);
    let mut kinds = vec![
        Kind { title: INTERFACES, names: interfaces, unlisted },
        Kind { title: VRFS, names: vrfs, unlisted: 0 },
    ];
    kinds.retain(|kind| !kind.names.is_empty());
    kinds
}

/// An interface's name, else its description.
pub fn label(interface: &InterfaceName) -> &str {
    if interface.name.is_empty() { &interface.description } else { &interface.name }
}
