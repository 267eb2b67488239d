//! What the tables of reports and of schedules have in common.

use leptos::prelude::*;

/// A table whose last column, without a head, has what can be done with a row.
pub fn table(
    class: &'static str,
    caption: &'static str,
    heads: [&'static str; 5],
    rows: impl IntoView + 'static,
) -> AnyView {
    let heads = heads.map(|head| view! { <th scope="col">{head}</th> }).collect_view();
    view! {
        <table class=format!("data-table data-table--stacked {class}")>
            <caption class="visually-hidden">{caption}</caption>
            <thead>
                <tr>
                    {heads}
                    <th scope="col"><span class="visually-hidden">"Actions"</span></th>
                </tr>
            </thead>
            <tbody>{rows.into_any()}</tbody>
        </table>
    }
    .into_any()
}

/// Title and filter, as far as there are any. What they hold turns the direction of no other text.
pub fn about(title: &str, filter: &str) -> AnyView {
    let title = (!title.is_empty())
        .then(|| view! { <span class="reports__about"><bdi>{title.to_owned()}</bdi></span> });
    let filter = (!filter.is_empty()).then(
        || view! { <span class="reports__about">"only "<code><bdi>{filter.to_owned()}</bdi></code></span> },
    );
    view! { {title}" "{filter} }.into_any()
}
