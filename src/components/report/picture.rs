//! A [`Drawing`] as SVG. Colours are classes, which the theme gives a meaning; nothing is an inline style.

use leptos::prelude::*;

use crate::components::drawing::{Anchor, Drawing, Ink, Shape};
use crate::components::world_map::STILL_SVG_PATH;
use crate::components::world_map::still::{STILL_HEIGHT, STILL_WIDTH};
use crate::model::countries::countries;
use crate::model::place::CountryCode;

/// The picture of a drawing.
#[component]
pub fn Picture(
    /// What it shows.
    drawing: Drawing,
    /// More classes.
    #[prop(optional)]
    class: &'static str,
) -> impl IntoView {
    let (width, height) = (units(drawing.width), units(drawing.height));
    view! {
        <svg class=format!("drawing {class}") viewBox=format!("0 0 {width} {height}") role="img" aria-label=drawing.label>
            {drawing.shapes.into_iter().map(shape).collect_view()}
        </svg>
    }
    .into_any()
}

fn shape(shape: Shape) -> AnyView {
    match shape {
        Shape::Box { x, y, width, height, fill, title } => view! {
            <rect class=ink("fill", fill) x=units(x) y=units(y) width=units(width) height=units(height)>
                {(!title.is_empty()).then(|| view! { <title>{title}</title> })}
            </rect>
        }
        .into_any(),
        Shape::Line { points, stroke, width, is_dashed } => view! {
            <polyline
                class=ink("stroke", stroke)
                points=pairs(&points)
                stroke-width=units(width)
                stroke-dasharray=is_dashed.then_some("4 2.5")
            ></polyline>
        }
        .into_any(),
        Shape::Area { points, fill } => {
            view! { <polygon class=ink("fill", fill) points=pairs(&points)></polygon> }.into_any()
        }
        Shape::Text { x, y, size, anchor, ink: colour, text } => {
            let anchor = match anchor {
                Anchor::Start => None,
                Anchor::Middle => Some("middle"),
                Anchor::End => Some("end"),
            };
            view! {
                <text class=ink("text", colour) x=units(x) y=units(y) font-size=units(size) text-anchor=anchor>
                    {text}
                </text>
            }
            .into_any()
        }
        Shape::World { x, y, width, countries } => world((x, y), width, countries),
    }
}

/// Every country as a part of the one picture of outlines that pages share.
fn world((x, y): (f64, f64), width: f64, mut coloured: Vec<(CountryCode, u8, String)>) -> AnyView {
    coloured.sort_unstable_by_key(|(code, ..)| *code);
    let lands = countries()
        .iter()
        .map(|entry| {
            let found = coloured.binary_search_by_key(&entry.code, |(code, ..)| *code);
            let found = found.ok().and_then(|position| coloured.get(position));
            let fill = found.map_or(Ink::Land, |(_, class, _)| Ink::Heat(*class));
            let title = found.map(|(.., told)| told.clone());
            view! {
                <use href=format!("{STILL_SVG_PATH}#{}", entry.code) class=format!("drawing__country {}", ink("fill", fill))>
                    {title.map(|title| view! { <title>{title}</title> })}
                </use>
            }
        })
        .collect_view();
    let height = width * STILL_HEIGHT / STILL_WIDTH;
    view! {
        <svg
            x=units(x) y=units(y) width=units(width) height=units(height)
            viewBox=format!("0 0 {STILL_WIDTH} {STILL_HEIGHT}")
        >
            <use href=format!("{STILL_SVG_PATH}#unclaimed") class=format!("drawing__country {}", ink("fill", Ink::Land))></use>
            {lands}
        </svg>
    }
    .into_any()
}

/// The classes of a part of a shape and its colour.
fn ink(part: &str, ink: Ink) -> String {
    let name = match ink {
        Ink::Text => "text".to_owned(),
        Ink::Muted => "muted".to_owned(),
        Ink::Grid => "grid".to_owned(),
        Ink::Series(number) => format!("series-{number}"),
        Ink::Before => "before".to_owned(),
        Ink::Gap => "gap".to_owned(),
        Ink::Heat(class) => format!("heat-{class}"),
        Ink::Land => "land".to_owned(),
        Ink::Ground => "ground".to_owned(),
    };
    format!("drawing__{part} ink--{name}")
}

/// A length without zeros at its end: `12`, `0.5`.
fn units(length: f64) -> String {
    let text = format!("{length:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

fn pairs(points: &[(f64, f64)]) -> String {
    points.iter().map(|(x, y)| format!("{},{}", units(*x), units(*y))).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_short() {
        assert_eq!([12.0, 0.5, 100.0, 3.126, -0.001].map(units), ["12", "0.5", "100", "3.13", "0"]);
        assert_eq!(pairs(&[(1.0, 2.5), (3.0, 4.0)]), "1,2.5 3,4");
    }
}
