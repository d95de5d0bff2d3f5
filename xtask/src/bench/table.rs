//! The table of figures: each beside its bar.

use crate::shell::{TaskError, Trying as _, failed, read, root};

const BEGIN: &str = "<!-- bench: begin -->";
const END: &str = "<!-- bench: end -->";

/// What a figure is held against.
#[derive(Clone, Debug)]
enum Bar {
    /// It is to be at least this.
    Least(f64),
    /// It is to be at most this.
    Most(f64),
    /// Ours is to be this many times theirs; zero asks for nothing.
    Times { ours: f64, times: f64 },
    /// Told for comparison.
    None,
}

/// One figure.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    what: String,
    figure: f64,
    unit: &'static str,
    bar: Bar,
}

impl Row {
    /// A figure that is to be at least `bar`.
    pub(crate) fn least(what: impl Into<String>, figure: f64, unit: &'static str, bar: f64) -> Self {
        Self { what: what.into(), figure, unit, bar: Bar::Least(bar) }
    }

    /// A figure that is to be at most `bar`.
    pub(crate) fn most(what: impl Into<String>, figure: f64, unit: &'static str, bar: f64) -> Self {
        Self { what: what.into(), figure, unit, bar: Bar::Most(bar) }
    }

    /// A peer's figure, of which ours is to be `times` as much.
    pub(crate) fn beside(what: impl Into<String>, figure: f64, unit: &'static str, ours: f64, times: f64) -> Self {
        Self { what: what.into(), figure, unit, bar: Bar::Times { ours, times } }
    }

    /// A figure that is only told.
    pub(crate) fn fact(what: impl Into<String>, figure: f64, unit: &'static str) -> Self {
        Self { what: what.into(), figure, unit, bar: Bar::None }
    }

    /// Whether the bar is met.
    pub(crate) fn holds(&self) -> bool {
        match self.bar {
            Bar::Least(bar) => self.figure >= bar,
            Bar::Most(bar) => self.figure <= bar,
            Bar::Times { ours, times } => ours >= self.figure * times,
            Bar::None => true,
        }
    }

    fn cells(&self) -> [String; 5] {
        let (bar, ratio) = match self.bar {
            Bar::Least(bar) => (format!("≥ {}", number(bar)), format!("{:.2}", self.figure / bar)),
            Bar::Most(bar) => (format!("≤ {}", number(bar)), format!("{:.2}", self.figure / bar)),
            Bar::Times { ours, times } => {
                let wanted = if times > 0.0 { format!("Candor ≥ {} ×", number(times)) } else { String::new() };
                (wanted, format!("Candor is {:.2} ×", ours / self.figure))
            }
            Bar::None => (String::new(), String::new()),
        };
        let verdict = match (&self.bar, self.holds()) {
            (Bar::None, _) => "",
            (Bar::Times { times, .. }, _) if *times <= 0.0 => "",
            (_, true) => "holds",
            (_, false) => "**missed**",
        };
        [self.what.clone(), format!("{} {}", number(self.figure), self.unit), bar, ratio, verdict.to_owned()]
    }

    /// One line for a terminal.
    pub(crate) fn line(&self) -> String {
        let [what, figure, bar, ratio, verdict] = self.cells();
        format!("{what:<56} {figure:>18}  {bar:<16} {ratio:<20} {verdict}").trim_end().to_owned()
    }
}

/// Three significant digits, thousands kept whole.
fn number(of: f64) -> String {
    match of.abs() {
        size if size >= 100.0 => {
            let whole = format!("{of:.0}");
            let (sign, digits) = whole.strip_prefix('-').map_or(("", whole.as_str()), |digits| ("-", digits));
            let groups: Vec<&str> =
                digits.as_bytes().rchunks(3).rev().filter_map(|group| std::str::from_utf8(group).ok()).collect();
            format!("{sign}{}", groups.join(","))
        }
        size if size >= 10.0 => format!("{of:.1}"),
        size if size >= 1.0 => format!("{of:.2}"),
        _ => format!("{of:.3}"),
    }
}

/// The table as Markdown, with the command that made it and what could not be measured.
pub(crate) fn markdown(rows: &[Row], missing: &[String], command: &str) -> String {
    let mut text =
        format!("Made by `{command}`.\n\n| what | figure | bar | ratio | |\n| --- | --- | --- | --- | --- |\n");
    for row in rows {
        text.push_str(&format!("| {} |\n", row.cells().join(" | ")));
    }
    for peer in missing {
        text.push_str(&format!("\nNot measured: {peer}\n"));
    }
    text
}

/// Puts the table into docs/performance.md, between its marks.
pub(crate) fn write(table: &str) -> Result<(), TaskError> {
    let path = root().join("docs/performance.md");
    let page = read(&path)?;
    let Some(((before, _), after)) = page.split_once(BEGIN).zip(page.split_once(END).map(|(_, after)| after)) else {
        return failed(format!("`{}` has no `{BEGIN}` … `{END}`", path.display()));
    };
    let page = format!("{before}{BEGIN}\n\n{table}\n{END}{after}");
    std::fs::write(&path, page).trying(format!("cannot write `{}`", path.display()))
}

#[cfg(test)]
mod tests {
    use super::{Row, number};

    #[test]
    fn numbers_read_well() {
        assert_eq!(
            [0.2501, 1.2, 12.34, 2_500.4, 1_234_567.0].map(number),
            ["0.250", "1.20", "12.3", "2,500", "1,234,567"]
        );
    }

    #[test]
    fn a_bar_is_held_from_its_own_side() {
        assert!(Row::least("a", 2.0, "x", 2.0).holds() && !Row::least("a", 1.9, "x", 2.0).holds());
        assert!(Row::most("a", 2.0, "x", 2.0).holds() && !Row::most("a", 2.1, "x", 2.0).holds());
        assert!(Row::beside("a", 10.0, "x", 40.0, 4.0).holds() && !Row::beside("a", 10.0, "x", 39.0, 4.0).holds());
        assert!(!Row::most("a", f64::NAN, "x", 2.0).holds(), "what wasn't measured holds nothing");
    }
}
