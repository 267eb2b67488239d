//! Who was seen and not admitted, and what would admit it.

use leptos::prelude::*;

use super::copyable::Copyable;
use crate::model::admission::{AdmissionStatus, NotAdmitted};
use crate::model::{quantity, time};

/// One row a source; nothing while nobody was turned away.
#[component]
pub fn NotAdmittedTable(
    /// Who may export, and who was turned away.
    admission: Signal<AdmissionStatus>,
) -> impl IntoView {
    let latest = move || admission.with(|admission| admission.not_admitted.first().map(|seen| seen.address));
    let lines = move || {
        let line = latest().map(|address| admission.with(|admission| admission.line_admitting(address)));
        format!("[admission]\n{}", line.unwrap_or_default())
    };
    let total = move || {
        let total = admission.with(|admission| admission.datagrams_not_admitted);
        format!("{} refused", quantity::counted(total, "datagram"))
    };
    let replaced = move || match admission.with(|admission| admission.not_admitted_replaced) {
        0 => String::new(),
        number => format!("No longer listed: {}. ", quantity::counted(number, "earlier source")),
    };
    view! {
        <Show when=move || latest().is_some()>
            <section class="panel" aria-labelledby="not-admitted-title">
                <h2 id="not-admitted-title" class="panel__title">
                    "Seen, not admitted "
                    <span class="panel__note">{total}</span>
                </h2>
                <div class="table-scroll">
                    <table class="data-table data-table--stacked">
                        <caption class="visually-hidden">"Sources whose datagrams are refused"</caption>
                        <thead>
                            <tr>
                                <th scope="col">"Address"</th>
                                <th scope="col" class="data-table__number">"Datagrams"</th>
                                <th scope="col">"First seen"</th>
                                <th scope="col">"Last seen"</th>
                            </tr>
                        </thead>
                        <tbody>
                            <For
                                each=move || admission.with(|admission| admission.not_admitted.clone())
                                key=|seen| (seen.address, seen.first_seen_ms, seen.last_seen_ms, seen.datagrams)
                                let:seen
                            >
                                <Row seen/>
                            </For>
                        </tbody>
                    </table>
                </div>
                <p>
                    {replaced}
                    "To admit " {move || latest().map(|address| address.to_string())}
                    ", write this into meridian.toml and restart:"
                </p>
                <Copyable text=Signal::derive(lines)/>
            </section>
        </Show>
    }
    .into_any()
}

#[component]
fn Row(seen: NotAdmitted) -> impl IntoView {
    view! {
        <tr>
            <th scope="row"><code>{seen.address.to_string()}</code></th>
            <td class="data-table__number" data-label="Datagrams">{quantity::count(seen.datagrams)}</td>
            <td data-label="First seen">{time::date_and_time(seen.first_seen_ms)}</td>
            <td data-label="Last seen">{time::date_and_time(seen.last_seen_ms)}</td>
        </tr>
    }
}
