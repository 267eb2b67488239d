//! Groups of several dimensions as boxes side by side, with a ribbon for what two of them have in common.

use leptos::prelude::*;

use super::colour_class;
use super::sankey::{SankeyBox, SankeyLayout, SankeyRibbon};
use super::scale::percent;

/// Height of the drawing in its own units; it is stretched to its box.
const SIZE: f64 = 1_000.0;
/// Width of a box, as a part of the whole.
const BOX: f64 = 0.012;

/// The diagram. Its figures stand in the table beside it.
#[component]
pub fn SankeyChart(
    /// Where everything is.
    layout: SankeyLayout,
    /// What each column is.
    columns: Vec<String>,
    /// What a value of a column is called.
    name: Callback<(usize, String), String>,
    /// An amount in words.
    text: Callback<u64, String>,
    /// Called with a column and the value of a box that was chosen, and whether flows with it are to be left out.
    on_choose: Callback<(usize, String, bool)>,
) -> impl IntoView {
    let count = columns.len();
    let left = move |column: usize| place_of(column, count);
    let SankeyLayout { boxes, ribbons } = layout;
    let ribbons = ribbons.iter().filter_map(|ribbon| {
        let (from, to) = (boxes.get(ribbon.from)?, boxes.get(ribbon.to)?);
        let title = format!("{} → {}: {}", called(from, name), called(to, name), text.run(ribbon.amount));
        let class = format!("sankey__ribbon {}", colour_of(from, &boxes));
        let path = ribbon_path(ribbon, left(from.column) + BOX, left(to.column));
        Some(view! { <path class=class d=path><title>{title}</title></path> })
    });
    let labels = boxes.iter().map(|node| {
        let is_last = node.column + 1 == count;
        let x = if is_last { left(node.column) - 0.008 } else { left(node.column) + BOX + 0.008 };
        let (value, column) = (node.value.clone(), node.column);
        let choose = value.clone();
        let on_click = move |event: leptos::web_sys::MouseEvent| {
            if let Some(value) = choose.clone() {
                on_choose.run((column, value, event.alt_key()));
            }
        };
        let is_thin = node.bottom - node.top < 0.014;
        let class = match (value.is_some(), is_thin) {
            (true, false) => "sankey__label sankey__label--choice",
            (true, true) => "sankey__label sankey__label--choice sankey__label--thin",
            (false, _) => "sankey__label",
        };
        view! {
            <g class=class on:click=on_click>
                <rect
                    class=format!("sankey__box {}", colour_of(node, &boxes))
                    x=percent(left(node.column))
                    width=percent(BOX)
                    y=percent(node.top)
                    height=percent((node.bottom - node.top).max(0.002))
                ></rect>
                <text
                    x=percent(x)
                    y=percent(node.top.midpoint(node.bottom))
                    text-anchor=if is_last { "end" } else { "start" }
                    dominant-baseline="middle"
                >
                    {called(node, name)} " "
                    <tspan class="sankey__amount">{text.run(node.amount)}</tspan>
                </text>
                <title>{format!("{}: {}", called(node, name), text.run(node.amount))}</title>
            </g>
        }
    });
    view! {
        <div class="table-scroll sankey">
            <div class="sankey__whole">
                <ol class="sankey__columns">
                    {columns.into_iter().map(|column| view! { <li>{column}</li> }).collect_view()}
                </ol>
                <svg class="sankey__drawing" role="img" aria-label="Sankey diagram; the table has all figures">
                    <svg width="100%" height="100%" viewBox=format!("0 0 {SIZE} {SIZE}") preserveAspectRatio="none">
                        {ribbons.collect_view()}
                    </svg>
                    {labels.collect_view()}
                </svg>
            </div>
        </div>
    }
    .into_any()
}

/// Left edge of a column, 0 to 1.
fn place_of(column: usize, columns: usize) -> f64 {
    let column = u32::try_from(column).map_or(0.0, f64::from);
    let last = u32::try_from(columns.saturating_sub(1).max(1)).map_or(1.0, f64::from);
    column / last * (1.0 - BOX)
}

fn called(node: &SankeyBox, name: Callback<(usize, String), String>) -> String {
    node.value.as_ref().map_or_else(|| "other".to_owned(), |value| name.run((node.column, value.clone())))
}

/// A box has the colour of its position in its column; ribbons have that of their left box.
fn colour_of(node: &SankeyBox, boxes: &[SankeyBox]) -> String {
    let position = boxes.iter().filter(|other| other.column == node.column).position(|other| other == node);
    colour_class(position.filter(|_| node.value.is_some()))
}

fn ribbon_path(ribbon: &SankeyRibbon, from: f64, to: f64) -> String {
    let (x0, x1) = (from * SIZE, to * SIZE);
    let middle = x0.midpoint(x1);
    let [top0, foot0, top1, foot1] =
        [ribbon.left.0, ribbon.left.1, ribbon.right.0, ribbon.right.1].map(|share| share * SIZE);
    format!(
        "M{x0:.1} {top0:.1}C{middle:.1} {top0:.1} {middle:.1} {top1:.1} {x1:.1} {top1:.1}V{foot1:.1}\
         C{middle:.1} {foot1:.1} {middle:.1} {foot0:.1} {x0:.1} {foot0:.1}Z"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_reach_from_edge_to_edge() {
        assert!(place_of(0, 3).abs() < 1e-9);
        assert!((place_of(2, 3) + BOX - 1.0).abs() < 1e-9);
        assert!((place_of(1, 3) - (1.0 - BOX) / 2.0).abs() < 1e-9);
    }
}
