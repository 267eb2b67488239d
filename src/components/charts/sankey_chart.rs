//! Groups of several dimensions as boxes side by side, with a ribbon for what two of them have in common.

use leptos::prelude::*;

use super::colour_class;
use super::sankey::{LABEL, SankeyBox, SankeyLayout, SankeyRibbon};
use super::scale::percent;

/// Height of the drawing in its own units; it is stretched to its box.
const SIZE: f64 = 1_000.0;
/// Width of a box, as a part of the whole.
const BOX: f64 = 0.012;
/// A label that is as far from the middle of its box, as a part of the height, is tied to it by a line.
const AWAY: f64 = LABEL / 4.0;
/// Length of that line from left to right, pixels: what the style leaves between box and label.
const TIE: i32 = 10;

/// The diagram. Its figures stand in the table beside it, in full also where a label has no room for all of its text.
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
        let Place { edge, x, width, is_last } = Place::of(node.column, count);
        let (choose, column) = (node.value.clone(), node.column);
        let on_click = move |event: leptos::web_sys::MouseEvent| {
            if let Some(value) = choose.clone() {
                on_choose.run((column, value, event.alt_key()));
            }
        };
        let class = if node.value.is_some() { "sankey__label sankey__label--choice" } else { "sankey__label" };
        let text_class = if is_last { "sankey__text sankey__text--end" } else { "sankey__text" };
        let middle = node.top.midpoint(node.bottom);
        let tie = ((node.label - middle).abs() > AWAY).then(|| {
            view! {
                <svg class="sankey__tie" x=percent(edge) width="1" height="100%">
                    <line
                        x1="0"
                        x2=if is_last { -TIE } else { TIE }
                        y1=percent(middle)
                        y2=percent(node.label)
                    ></line>
                </svg>
            }
        });
        view! {
            <g class=class on:click=on_click>
                <rect
                    class=format!("sankey__box {}", colour_of(node, &boxes))
                    x=percent(left(node.column))
                    width=percent(BOX)
                    y=percent(node.top)
                    height=percent((node.bottom - node.top).max(0.002))
                ></rect>
                {tie}
                <foreignObject x=percent(x) y=percent(node.label - LABEL / 2.0) width=percent(width) height=percent(LABEL)>
                    <p class=text_class>
                        <span class="sankey__name">{called(node, name)}</span>
                        " "
                        <span class="sankey__amount">{text.run(node.amount)}</span>
                    </p>
                </foreignObject>
                <title>{format!("{}: {}", called(node, name), text.run(node.amount))}</title>
            </g>
        }
    });
    view! {
        <div class="table-scroll sankey">
            <div class=format!("sankey__whole sankey__whole--{count}")>
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

/// Where the labels of a column are, 0 to 1 from left to right.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Place {
    /// The edge of the boxes at which they stand.
    edge: f64,
    /// Their left end.
    x: f64,
    /// How much room they have.
    width: f64,
    /// True for the last column: its labels stand before its boxes and end at them.
    is_last: bool,
}

impl Place {
    /// Labels have the room up to the next column; those of the last two share it.
    fn of(column: usize, columns: usize) -> Self {
        let is_last = column + 1 == columns;
        let room = place_of(1, columns) - BOX;
        let width = if column + 2 < columns { room } else { room / 2.0 };
        let left = place_of(column, columns);
        let edge = if is_last { left } else { left + BOX };
        Self { edge, x: if is_last { edge - width } else { edge }, width, is_last }
    }
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

    #[test]
    fn no_label_reaches_into_that_of_another_column_or_into_a_box() {
        for columns in 2..=4 {
            let mut taken: Vec<(f64, f64)> = Vec::new();
            for column in 0..columns {
                let Place { x, width, .. } = Place::of(column, columns);
                taken.push((x, x + width));
                taken.push((place_of(column, columns), place_of(column, columns) + BOX));
            }
            taken.sort_by(|one, other| one.0.total_cmp(&other.0));
            assert!(taken.windows(2).all(|pair| pair[0].1 <= pair[1].0 + 1e-9), "{columns}: {taken:?}");
            assert!(taken.iter().all(|(from, to)| *from >= 0.0 && *to <= 1.0 + 1e-9));
        }
    }
}
