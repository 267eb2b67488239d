//! Lines over time as one picture: on each other, side by side or as parts of a whole; maybe with a second side below
//! the axis, and dashed lines of the period before. Pointing at it reads it, dragging over it chooses a stretch. Lines are
//! broken where nothing was collected.

use leptos::prelude::*;

use super::collected::Collected;
use super::colour_class;
use super::crosshair::Crosshair;
use super::key::NOT_COLLECTED;
use super::outline::{HEIGHT, Outline, WIDTH};
use super::scale::{Scale, percent};
use super::stacking::{Band, largest, shares, stacked, tops};
use super::time_axis::TimeAxis;
use super::unit::Unit;
use crate::model::time_range::TimeRange;

/// How many lines the readout names.
const MOST_READ: usize = 12;

/// How lines stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// On each other.
    Stacked,
    /// Each from the axis on.
    Lines,
    /// On each other, as parts of the sum of each step.
    Shares,
}

/// A line of a picture: an amount for each step of the axis.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PictureLine {
    /// What it is called.
    pub name: String,
    /// Its colour; `None` for the rest.
    pub colour: Option<usize>,
    /// What is drawn above the axis.
    pub above: Vec<u64>,
    /// What is drawn below it; empty when there is one side.
    pub below: Vec<u64>,
}

/// The period before, as it is drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Previous {
    /// When it was.
    pub range: TimeRange,
    /// Its steps, moved to where they are drawn.
    pub axis: TimeAxis,
    /// What was collected of them.
    pub collected: Collected,
    /// The dashed lines.
    pub lines: Vec<PictureLine>,
}

/// All that a chart shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// When.
    pub axis: TimeAxis,
    /// What was collected of it.
    pub collected: Collected,
    /// What the figures are.
    pub unit: Unit,
    /// How the lines stand.
    pub form: Form,
    /// The lines, most first.
    pub lines: Vec<PictureLine>,
    /// False when lines do not add up, such as distinct addresses.
    pub adds_up: bool,
    /// The period before.
    pub previous: Option<Previous>,
    /// The largest amounts that the axis has to have room for, above and below, for charts that are compared.
    pub room: (f64, f64),
    /// Stretches in which nothing was collected.
    pub gaps: Vec<TimeRange>,
    /// The sum of each step as it was exported, where sampling makes a difference.
    pub exported: Vec<u64>,
}

impl Picture {
    fn side(
        &self,
        lines: &[PictureLine],
        collected: &Collected,
        of: fn(&PictureLine) -> &Vec<u64>,
    ) -> Vec<Vec<f64>> {
        let shown = |line: &PictureLine| {
            let amounts = of(line).iter().enumerate();
            amounts.map(|(step, amount)| self.unit.shown(*amount, collected.covered_ms(step))).collect()
        };
        lines.iter().map(shown).collect()
    }

    /// The bands of both sides, in the unit of the axis.
    fn bands(&self) -> (Vec<Band>, Vec<Band>) {
        let of_side = |of| {
            let amounts = self.side(&self.lines, &self.collected, of);
            match self.form {
                Form::Stacked => stacked(&amounts),
                Form::Shares => stacked(&shares(&amounts)),
                Form::Lines => amounts
                    .into_iter()
                    .map(|line| line.into_iter().map(|amount| (0.0, amount)).collect())
                    .collect(),
            }
        };
        (of_side(|line| &line.above), of_side(|line| &line.below))
    }

    /// The largest figures above and below the axis, of this period and the one before.
    pub fn largest(&self) -> (f64, f64) {
        let (above, below) = self.bands();
        let top = |bands: &[Band]| match self.form {
            Form::Lines => largest(bands.iter().flatten().map(|(_, upper)| *upper)),
            Form::Stacked | Form::Shares => largest(tops(bands)),
        };
        let before = |of: fn(&PictureLine) -> &Vec<u64>| {
            let previous = self.previous.iter();
            largest(previous.flat_map(|before| self.side(&before.lines, &before.collected, of)).flatten())
        };
        (top(&above).max(before(|line| &line.above)), top(&below).max(before(|line| &line.below)))
    }

    fn scale(&self) -> Scale {
        let has_below = self.lines.iter().any(|line| !line.below.is_empty());
        if self.form == Form::Shares {
            return Scale {
                above: 1.0,
                below: if has_below { 1.0 } else { 0.0 },
                ticks: share_ticks(has_below),
            };
        }
        let (above, below) = self.largest();
        Scale::for_largest(above.max(self.room.0), below.max(self.room.1), 4)
    }

    const fn axis_unit(&self) -> Unit {
        match self.form {
            Form::Shares => Unit::Share,
            Form::Stacked | Form::Lines => self.unit,
        }
    }

    /// The figures of a line at a step: above, and below where there is such a side.
    pub fn figures(&self, line: &PictureLine, step: usize) -> String {
        self.figures_of(line, &self.collected, step)
    }

    fn figures_of(&self, line: &PictureLine, collected: &Collected, step: usize) -> String {
        if !collected.has(step) {
            return NOT_COLLECTED.to_owned();
        }
        let shown = |amounts: &Vec<u64>| {
            let amount = amounts.get(step).copied().unwrap_or(0);
            self.unit.text(self.unit.shown(amount, collected.covered_ms(step)))
        };
        if line.below.is_empty() {
            shown(&line.above)
        } else {
            format!("↑ {} ↓ {}", shown(&line.above), shown(&line.below))
        }
    }

    /// The sum of all lines.
    fn sum(&self) -> PictureLine {
        let add = |of: fn(&PictureLine) -> &Vec<u64>| {
            self.lines.iter().fold(Vec::new(), |mut sum: Vec<u64>, line| {
                let amounts = of(line);
                sum.resize(sum.len().max(amounts.len()), 0);
                for (sum, amount) in sum.iter_mut().zip(amounts) {
                    *sum = sum.saturating_add(*amount);
                }
                sum
            })
        };
        PictureLine {
            above: add(|line| &line.above),
            below: add(|line| &line.below),
            ..PictureLine::default()
        }
    }
}

fn share_ticks(has_below: bool) -> Vec<f64> {
    let above = [0.0, 0.25, 0.5, 0.75, 1.0];
    if has_below { vec![-1.0, -0.5, 0.0, 0.5, 1.0] } else { above.to_vec() }
}

/// The chart.
#[component]
pub fn TimeChart(
    /// What it shows.
    picture: Picture,
    /// What it is, for those who do not see it.
    label: String,
    /// The place under the pointer.
    crosshair: Crosshair,
    /// The line that stands out; the others step back.
    highlighted: RwSignal<Option<usize>>,
    /// True for one of many small charts: without a readout, and with fewer texts.
    #[prop(optional)]
    is_small: bool,
) -> impl IntoView {
    let axis = picture.axis;
    let scale = picture.scale();
    let unit = picture.axis_unit();
    let ticks = scale.ticks.clone();
    let class = if is_small { "chart chart--small" } else { "chart" };
    let label = label
        + ". Arrow keys read the values, Shift with them chooses a stretch, Enter zooms in, Escape goes back. The table has all figures.";
    let (gaps, lines) = (gaps(&picture), drawing(&picture, &scale, highlighted));
    let readout = (!is_small).then(|| readout(picture, crosshair));
    let key_down = move |event: leptos::web_sys::KeyboardEvent| {
        if crosshair.press(&event, &axis) {
            event.prevent_default();
        }
    };
    view! {
        <div class=class>
            <svg class="chart__amounts" aria-hidden="true">
                {ticks.iter().map(|tick| view! {
                    <text x="100%" y=percent(scale.place(*tick)) text-anchor="end" dominant-baseline="middle">
                        {unit.tick(tick.abs())}
                    </text>
                }).collect_view()}
            </svg>
            <div
                class="chart__plot"
                data-plot
                tabindex="0"
                role="group"
                aria-label=label
                on:pointermove=move |event| crosshair.follow(&event, &axis)
                on:pointerdown=move |event| crosshair.begin(&event)
                on:pointerup=move |_| crosshair.end(&axis)
                on:pointerleave=move |_| crosshair.leave()
                on:pointercancel=move |_| crosshair.leave()
                on:keydown=key_down
                on:blur=move |_| crosshair.leave()
            >
                <svg class="chart__drawing" width="100%" height="100%" aria-hidden="true">
                    {gaps}
                    {ticks.iter().map(|tick| {
                        let y = percent(scale.place(*tick));
                        let class = if tick.abs() < f64::EPSILON { "chart__grid chart__grid--zero" } else { "chart__grid" };
                        view! { <line class=class x1="0%" x2="100%" y1=y.clone() y2=y></line> }
                    }).collect_view()}
                    {lines}
                    {pointer(crosshair, axis)}
                </svg>
                {readout}
            </div>
            <svg class="chart__times" aria-hidden="true">
                {axis.ticks().into_iter().map(|tick| {
                    let class = if tick.is_minor { "chart__time chart__time--minor" } else { "chart__time" };
                    view! { <text class=class x=percent(tick.share) y="0.9em" text-anchor="middle">{tick.text}</text> }
                }).collect_view()}
            </svg>
        </div>
    }
    .into_any()
}

/// Stretches in which nothing was collected.
fn gaps(picture: &Picture) -> AnyView {
    let axis = picture.axis;
    let gaps = picture.gaps.iter().filter_map(|gap| gap.intersection(axis.range));
    gaps.map(|gap| {
        let (from, to) = (axis.share(gap.from_ms), axis.share(gap.to_ms));
        let title = format!("{}: {NOT_COLLECTED}", axis.text(gap));
        view! {
            <rect class="chart__gap" x=percent(from) width=percent((to - from).max(0.001)) y="0%" height="100%">
                <title>{title}</title>
            </rect>
        }
    })
    .collect_view()
    .into_any()
}

/// The lines, in a drawing that is stretched to its box.
fn drawing(picture: &Picture, scale: &Scale, highlighted: RwSignal<Option<usize>>) -> AnyView {
    let (above, below) = picture.bands();
    let side = |bands: Vec<Band>, sign: f64| {
        let outline = Outline { axis: &picture.axis, collected: &picture.collected, scale, sign };
        // Where there is one side only, the other has no steps.
        let lines = picture.lines.iter().zip(bands).enumerate().filter(|(_, (_, band))| !band.is_empty());
        lines
            .map(|(position, (line, band))| {
                let (class, path) = match picture.form {
                    Form::Lines => ("chart__line", outline.line(&band)),
                    Form::Stacked | Form::Shares => ("chart__band", outline.band(&band)),
                };
                let class = format!("{class} {}", colour_class(line.colour));
                let is_faint = move || highlighted.get().is_some_and(|highlighted| highlighted != position);
                view! { <path class=class class=("chart--faint", is_faint) d=path vector-effect="non-scaling-stroke"></path> }
            })
            // The first line is the largest and comes last, on top of the others.
            .rev()
            .collect_view()
    };
    let before = |of: fn(&PictureLine) -> &Vec<u64>, sign: f64| {
        let dashed = |before: &Previous| {
            let Previous { axis, collected, lines, .. } = before;
            let outline = Outline { axis, collected, scale, sign };
            let amounts = picture.side(lines, collected, of);
            let path = |(line, amounts): (&PictureLine, Vec<f64>)| {
                let band: Band = amounts.into_iter().map(|amount| (0.0, amount)).collect();
                let class = format!("chart__previous {}", colour_class(line.colour));
                view! { <path class=class d=outline.line(&band) vector-effect="non-scaling-stroke"></path> }
            };
            lines.iter().zip(amounts).map(path).collect_view()
        };
        picture.previous.as_ref().map(dashed)
    };
    view! {
        <svg
            width="100%"
            height="100%"
            viewBox=format!("0 0 {WIDTH} {HEIGHT}")
            preserveAspectRatio="none"
        >
            {side(above, 1.0)}
            {side(below, -1.0)}
            {before(|line| &line.above, 1.0)}
            {before(|line| &line.below, -1.0)}
        </svg>
    }
    .into_any()
}

/// The line under the pointer and the stretch that is being chosen.
fn pointer(crosshair: Crosshair, axis: TimeAxis) -> AnyView {
    let line = move || {
        crosshair.step.get().map(|step| {
            let x = percent(axis.middle(step));
            view! { <line class="chart__pointer" x1=x.clone() x2=x y1="0%" y2="100%"></line> }
        })
    };
    let stretch = move || {
        crosshair.stretch.get().map(|(begin, end)| {
            let (left, right) = if begin <= end { (begin, end) } else { (end, begin) };
            view! { <rect class="chart__stretch" x=percent(left) width=percent(right - left) y="0%" height="100%"></rect> }
        })
    };
    view! { {stretch} {line} }.into_any()
}

/// The figures at the pointer, in the corner that is farther from it.
fn readout(picture: Picture, crosshair: Crosshair) -> AnyView {
    let sum = picture.sum();
    let class = move || {
        let is_left = crosshair.step.get().is_some_and(|step| picture.axis.middle(step) < 0.5);
        if is_left { "chart__readout chart__readout--right" } else { "chart__readout" }
    };
    let picture = StoredValue::new(picture);
    let at_step = move |step: usize| {
        picture.with_value(|picture| {
            let previous = picture.previous.as_ref().and_then(|before| {
                let all = before.lines.first().filter(|line| line.colour.is_none())?;
                Some(reading(None, all.name.clone(), picture.figures_of(all, &before.collected, step)))
            });
            let own = picture.collected.has(step).then(|| readings(picture, &sum, step));
            let is_missing = own.is_none();
            view! {
                <p class="chart__moment">{picture.axis.text(picture.axis.part(step))}</p>
                {is_missing.then(|| view! { <p>{NOT_COLLECTED}</p> })}
                <ul>{own} {previous}</ul>
            }
        })
    };
    view! {
        <div class=class role="status">
            {move || crosshair.step.get().map(&at_step)}
        </div>
    }
    .into_any()
}

/// The figures of a step in which something was collected.
fn readings(picture: &Picture, sum: &PictureLine, step: usize) -> AnyView {
    let lines = picture.lines.iter().take(MOST_READ).map(|line| {
        let figures = picture.figures(line, step);
        reading(Some(colour_class(line.colour)), line.name.clone(), figures)
    });
    let more = picture.lines.len().saturating_sub(MOST_READ);
    let has_sum = picture.adds_up && picture.lines.len() > 1;
    let exported = picture.exported.get(step).map(|amount| {
        let shown = picture.unit.shown(*amount, picture.collected.covered_ms(step));
        reading(None, "all, as exported (not scaled by sampling)".to_owned(), picture.unit.text(shown))
    });
    view! {
        {lines.collect_view()}
        {(more > 0).then(|| reading(None, format!("{more} more in the table"), String::new()))}
        {has_sum.then(|| reading(None, "all".to_owned(), picture.figures(sum, step)))}
        {exported}
    }
    .into_any()
}

fn reading(colour: Option<String>, name: String, figures: String) -> AnyView {
    let swatch =
        colour.map(|colour| view! { <span class=format!("swatch {colour}") aria-hidden="true"></span> });
    view! {
        <li class="chart__reading">
            <span class="chart__reading-name">{swatch} {name}</span>
            " "
            <span class="chart__reading-figure">{figures}</span>
        </li>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(form: Form, amounts: &[&[u64]]) -> Picture {
        let steps = amounts.first().map_or(0, |line| line.len());
        let range = TimeRange { from_ms: 0, to_ms: i64::try_from(steps).unwrap().max(1) * 1_000 };
        let line = |(colour, amounts): (usize, &&[u64])| PictureLine {
            name: format!("line {colour}"),
            colour: Some(colour),
            above: amounts.to_vec(),
            below: Vec::new(),
        };
        let axis = TimeAxis { range, start_ms: 0, step_ms: 1_000, steps, zone_ms: 0 };
        Picture {
            axis,
            collected: Collected::whole(&axis),
            unit: Unit::PerSecond,
            form,
            lines: amounts.iter().enumerate().map(line).collect(),
            adds_up: true,
            previous: None,
            room: (0.0, 0.0),
            gaps: Vec::new(),
            exported: Vec::new(),
        }
    }

    #[test]
    fn stacked_lines_need_room_for_their_sum_and_others_for_the_largest() {
        let lines: [&[u64]; 2] = [&[10, 20], &[30, 5]];
        let largest =
            [Form::Stacked, Form::Lines, Form::Shares].map(|form| picture(form, &lines).largest().0);
        assert_eq!(largest.to_vec(), [40.0, 30.0, 1.0]);
        assert_eq!(picture(Form::Stacked, &lines).sum().above, [40, 25]);
    }

    #[test]
    fn what_is_below_the_axis_is_in_the_same_measure() {
        let mut both = picture(Form::Stacked, &[&[40, 40]]);
        both.lines.first_mut().unwrap().below = vec![20, 20];
        assert_eq!(both.scale().ticks, [-20.0, -10.0, 0.0, 10.0, 20.0, 30.0, 40.0]);
        assert_eq!(both.figures(both.lines.first().unwrap(), 1), "↑ 40 ↓ 20");
    }

    #[test]
    fn a_step_in_a_gap_reads_as_not_collected_and_one_without_flows_as_zero() {
        let mut chart = picture(Form::Lines, &[&[10, 0, 0]]);
        let gap = TimeRange { from_ms: 2_000, to_ms: 3_000 };
        chart.collected = Collected::of(&chart.axis, &[gap], |_| false);
        let line = chart.lines.first().unwrap();
        assert_eq!([0, 1, 2].map(|step| chart.figures(line, step)), ["10", "0.00", "nothing was collected"]);
    }
}
