//! The timeline as a picture: one row per sort of record, one dot per record, a bar per incident. Times stand in order and pauses count
//! less the longer they are, so that what happened within a second can be told apart beside what took a day.

use std::fmt::Write as _;

use super::{
    story::{Item, Lane, Story},
    text::{html, on_a_line},
};

/// Most records in the picture; the list below it has the others.
pub(super) const DOTS_MAX: usize = 400;

/// Places in the picture, in its own units.
const LEFT: f64 = 104.0;
const TOP: f64 = 30.0;
const ROW: f64 = 34.0;
/// Width of an instant, and what a pause of ten times the length adds.
const STEP: f64 = 17.0;
const PAUSE: f64 = 30.0;
/// Dots of one row at one instant stand this far apart.
const BESIDE: f64 = 13.0;
/// Least width between two written times.
const LABEL: f64 = 70.0;
/// Least width of the whole, where there is something in it.
const WIDTH_MIN: f64 = 1_130.0;

/// Where instants stand.
struct Scale(Vec<(i64, f64)>);

impl Scale {
    /// As wide as the page, or as it must be.
    fn of(items: &[Item]) -> Self {
        let tight = Self::stretched(items, 1.0);
        let by = (WIDTH_MIN - LEFT) / (tight.width() - LEFT).max(1.0);
        if by > 1.0 { Self::stretched(items, by) } else { tight }
    }

    /// Each instant is as wide as the most crowded row needs.
    fn stretched(items: &[Item], by: f64) -> Self {
        let mut places: Vec<(i64, f64)> = Vec::new();
        let (mut x, mut widest) = (LEFT + STEP, 0.0_f64);
        let mut counts = [0_u32; Lane::ALL.len()];
        let mut sorted: Vec<&Item> = items.iter().collect();
        sorted.sort_by_key(|item| item.at_us);
        for item in sorted {
            match places.last() {
                Some((at, _)) if *at == item.at_us => {}
                last => {
                    if let Some((at, _)) = last {
                        #[expect(clippy::cast_precision_loss, reason = "a picture")]
                        let seconds = item.at_us.saturating_sub(*at) as f64 / 1e6;
                        x += widest + by * (STEP + PAUSE * (1.0 + seconds).log10());
                    }
                    places.push((item.at_us, x));
                    (widest, counts) = (0.0, [0; Lane::ALL.len()]);
                }
            }
            if let Some(count) = counts.get_mut(item.lane as usize) {
                widest = widest.max(f64::from(*count) * BESIDE);
                *count += 1;
            }
        }
        places.push((i64::MAX, x + widest.max(LABEL)));
        Self(places)
    }

    fn x(&self, at_us: i64) -> f64 {
        self.0.iter().rev().find(|(at, _)| *at <= at_us).or(self.0.first()).map_or(LEFT, |(_, x)| *x)
    }

    fn width(&self) -> f64 {
        self.0.last().map_or(LEFT, |(_, x)| *x)
    }
}

fn y(lane: Lane) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "there are nine")]
    let row = lane as usize as f64;
    TOP + ROW * (row + 0.5)
}

/// The picture, as SVG. Every text in it is escaped.
pub(super) fn svg(story: &Story) -> String {
    let items = story.items.get(..story.items.len().min(DOTS_MAX)).unwrap_or_default();
    let scale = Scale::of(items);
    #[expect(clippy::cast_precision_loss, reason = "there are nine")]
    let height = TOP + ROW * Lane::ALL.len() as f64 + 8.0;
    let width = scale.width();
    let mut out = format!("<svg role=\"img\" aria-label=\"timeline\" width=\"{width:.0}\" height=\"{height:.0}\">");
    for (row, lane) in Lane::ALL.into_iter().enumerate() {
        let middle = y(lane);
        if row % 2 == 0 {
            let _ = write!(
                out,
                "<rect class=\"row\" x=\"0\" y=\"{:.0}\" width=\"100%\" height=\"{ROW:.0}\"/>",
                middle - ROW / 2.0
            );
        }
        let _ = write!(out, "<text class=\"lane\" x=\"12\" y=\"{:.0}\">{}</text>", middle + 4.0, lane.words());
    }
    times(&scale, height, &mut out);
    let known = |at: i64| items.last().is_some_and(|last| at <= last.at_us);
    for incident in story.incidents.values() {
        let (from, to) =
            (scale.x(incident.opened_us), incident.resolved_us.filter(|at| known(*at)).map(|at| scale.x(at)));
        let (end, open) = to.map_or((width - STEP, "open"), |to| (to, "good"));
        let _ = write!(
            out,
            "<rect class=\"bar {open}\" x=\"{from:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"10\" rx=\"5\"><title>{}</title></rect>",
            y(Lane::Incident) - 5.0,
            (end - from).max(10.0),
            html(&incident.words)
        );
    }
    let mut before: Vec<(i64, Lane, f64)> = Vec::new();
    for item in items {
        before.retain(|(at, _, _)| *at == item.at_us);
        let beside = before.iter().rev().find(|(_, lane, _)| *lane == item.lane).map(|(_, _, x)| x + BESIDE);
        let x = beside.unwrap_or_else(|| scale.x(item.at_us));
        before.push((item.at_us, item.lane, x));
        let _ = write!(
            out,
            "<a href=\"#{id}\"><circle class=\"dot {tone}\" cx=\"{x:.1}\" cy=\"{:.1}\" r=\"5.5\"><title>{id}: {words}</title></circle></a>",
            y(item.lane),
            id = html(&item.id),
            tone = item.tone.word(),
            words = html(&on_a_line(&item.words)),
        );
    }
    out.push_str("</svg>");
    out
}

/// The times along the top, where there is room, and a line down from each.
fn times(scale: &Scale, height: f64, out: &mut String) {
    let mut free = LEFT;
    for (at, x) in scale.0.iter().filter(|(at, _)| *at != i64::MAX) {
        let _ = write!(out, "<line class=\"tick\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP:.0}\" y2=\"{height:.0}\"/>");
        if *x < free {
            continue;
        }
        free = x + LABEL;
        let text = candor_audit::at::text(*at);
        let _ = write!(
            out,
            "<text class=\"time\" x=\"{:.1}\" y=\"20\">{}</text>",
            x - 4.0,
            text.get(11..19).unwrap_or_default()
        );
    }
}
