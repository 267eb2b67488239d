//! Who was seen and not admitted, and what would admit it.

use leptos::prelude::*;

use crate::model::admission::{AdmissionStatus, NotAdmitted};
use crate::model::{quantity, time};

/// One row a source; nothing while nobody was turned away.
#[component]
pub fn NotAdmittedTable(
    /// Who may export, and who was turned away.
    admission: Signal<AdmissionStatus>,
) -> impl IntoView {
    let latest = move || admission.with(|admission| admission.not_admitted.first().map(|seen| seen.address));
    let line = move || latest().map(|address| admission.with(|admission| admission.line_admitting(address)));
    let replaced = move || match admission.with(|admission| admission.not_admitted_replaced) {
        0 => String::new(),
        number => format!("{} earlier sources are no longer listed. ", quantity::count(number)),
    };
    view! {
        <Show when=move || latest().is_some()>
            <section class="panel" aria-labelledby="not-admitted-title">
                <h2 id="not-admitted-title" class="panel__title">"Seen, not admitted"</h2>
                <div class="table-scroll">
                    <table class="data-table">
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
                <p class="panel__hint">
                    {replaced}
                    "To admit " {move || latest().map(|address| address.to_string())}
                    ", write this line into section [admission] of meridian.toml, and restart: "
                    <code>{line}</code>
                </p>
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
            <td class="data-table__number">{quantity::count(seen.datagrams)}</td>
            <td>{time::date_and_time(seen.first_seen_ms)}</td>
            <td>{time::date_and_time(seen.last_seen_ms)}</td>
        </tr>
    }
}
