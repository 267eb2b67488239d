//! The map and its figures as files.

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::chosen::{Asked, sides_word};
use super::{Shown, total_told};
use crate::browser::save;
use crate::components::heatmap::legend::Explained;
use crate::components::heatmap::picture::{PICTURE_HEIGHT, PICTURE_WIDTH, Picture};
use crate::components::heatmap::rows::{metric_label, short};
use crate::components::heatmap::scale::Change;
use crate::components::world_map::STILL_SVG_PATH;
use crate::components::world_map::paint::SHADES;
use crate::model::time_range::TimeRange;
use crate::model::time_words;
use crate::pages::api_link;

/// Width of the PNG in pixels.
const PNG_WIDTH: u32 = 2400;

/// The menu.
pub fn export_menu(shown: &Shown) -> AnyView {
    let shown = *shown;
    let fault = RwSignal::new(None::<&'static str>);
    let on_picture = move |is_png: bool| {
        let (name, picture) = (file_name(&shown), picture(&shown));
        spawn_local(async move {
            let world = save::fetch_text(STILL_SVG_PATH).await;
            let is_saved = match world {
                Some(world) if is_png => {
                    save::png(&format!("{name}.png"), &picture.svg(&world), png_size()).await
                }
                Some(world) => {
                    save::text(&format!("{name}.svg"), "image/svg+xml", &picture.svg(&world));
                    true
                }
                None => false,
            };
            let words = "The picture could not be made: reload the page and try again.";
            fault.try_set((!is_saved).then_some(words));
        });
    };
    let links = move || {
        let asked = shown.chosen.asked.get();
        let now = [("CSV table", asked.range, "csv"), ("JSON answer", asked.range, "json")];
        let before = [("CSV table, period before", asked.range.previous(), "csv")];
        let before = before.into_iter().filter(|_| asked.with_previous);
        now.into_iter()
            .chain(before)
            .map(|(name, range, format)| {
                // The browser loads it: it is no page.
                let file = format!("{}.{format}", file_name(&shown));
                view! { <a class="export__file" href=file_url(&asked, range, format) rel="external" download=file>{name}</a> }
            })
            .collect_view()
    };
    view! {
        <details class="export">
            <summary class="button">"Export"</summary>
            <div class="export__files">
                <button type="button" class="export__file" on:click=move |_| on_picture(true)>"PNG picture"</button>
                <button type="button" class="export__file" on:click=move |_| on_picture(false)>"SVG picture"</button>
                {links}
                <noscript><p>"Pictures need JavaScript; tables and printing do not."</p></noscript>
                <p class="export__fault" role="status">{move || fault.get()}</p>
            </div>
        </details>
    }
    .into_any()
}

/// The same question to the stable API.
fn file_url(asked: &Asked, range: TimeRange, format: &str) -> String {
    let mut query = api_link::query(range, &asked.filter, format);
    query.insert("sides", sides_word(asked.sides).to_owned());
    query.insert("addresses", "true".to_owned());
    format!("/api/v1/heatmap{}", query.to_query_string())
}

/// `meridian-bytes-2026-11-23`.
fn file_name(shown: &Shown) -> String {
    let range = shown.chosen.time.range.get_untracked();
    let day: String = crate::model::time::date_and_time(range.to_ms).chars().take(10).collect();
    format!("meridian-{}-{day}", shown.chosen.metric.get_untracked().name())
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few thousand pixels")]
fn png_size() -> (u32, u32) {
    (PNG_WIDTH, (f64::from(PNG_WIDTH) * PICTURE_HEIGHT / PICTURE_WIDTH) as u32)
}

/// What is on the screen, with the colours of the theme.
fn picture(shown: &Shown) -> Picture {
    let chosen = shown.chosen;
    let metric = chosen.metric.get_untracked();
    let now = chosen.time.clock.now_untracked();
    let range = time_words::range(chosen.time.range.get_untracked(), now);
    let zone = time_words::zone(now);
    let filter = chosen.filter.get_untracked();
    let of = if filter.is_empty() { "all flows".to_owned() } else { filter };
    let shades: Vec<String> = (0..SHADES).map(|shade| save::token(&format!("--shade-{shade}"))).collect();
    let shade = |shade: u8| shades.get(usize::from(shade)).cloned().unwrap_or_default();
    let (title, legend, legend_end) = match shown.explained.get_untracked() {
        Explained::Figures { classes, meaning, .. } => {
            let steps = classes.iter().map(|class| (shade(class.shade), short(metric, class.from)));
            let end = classes.last().map(|class| short(metric, class.to)).unwrap_or_default();
            (format!("{} by country, {meaning}", metric_label(metric)), steps.collect(), end)
        }
        Explained::Change { title } => (title, diverging(shade, Change::percent), String::new()),
        Explained::Shares { title } => (title, diverging(shade, Change::times), String::new()),
    };
    Picture {
        title,
        subtitle: format!("{range} {zone} · {of}"),
        countries: shown
            .paint
            .with_untracked(|paint| paint.countries.iter().map(|(code, own)| (*code, shade(*own))).collect()),
        legend,
        legend_end,
        notes: [
            total_told(&shown.total.get_untracked()),
            untrack(|| shown.off_the_map()),
            "Meridian · Outlines: Natural Earth, borders as held in fact".to_owned(),
        ]
        .into_iter()
        .filter(|note| !note.is_empty())
        .collect(),
        land: save::token("--map-land"),
        ground: save::token("--map-ocean"),
        line: save::token("--map-border"),
        text: save::token("--text"),
    }
}

fn diverging(shade: impl Fn(u8) -> String, told: impl Fn(Change) -> String) -> Vec<(String, String)> {
    let bounds = [None].into_iter().chain(Change::BOUNDS.into_iter().map(Some));
    (Change::FIRST_SHADE..)
        .zip(bounds)
        .map(|(own, bound)| (shade(own), bound.map(|factor| told(Change { factor })).unwrap_or_default()))
        .collect()
}
