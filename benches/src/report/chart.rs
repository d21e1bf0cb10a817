//! Charts: a panel for each point, a bar for each peer, every bar with its figure.

use std::fmt::Display;

use plotters::backend::SVGBackend;
use plotters::drawing::IntoDrawingArea as _;
use plotters::element::{PathElement, Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color as _, IntoFont as _, RGBColor, TextStyle, WHITE};

use crate::case::Role;
use crate::report::format::{digits, time, unit};
use crate::row::{At, Measure, Row};
use crate::run::results::{Cell, Results};

/// A chart that has not been drawn yet.
#[derive(Debug)]
pub(super) struct Chart {
    /// What it shows.
    pub(super) title: String,
    /// Tells the charts of one row apart, in the file name.
    pub(super) suffix: &'static str,
    panels: Vec<Panel>,
    names: Vec<(String, Role)>,
    /// Shortest and longest bar.
    range: (f64, f64),
}

#[derive(Debug)]
struct Panel {
    label: String,
    bars: Vec<Option<Bar>>,
}

#[derive(Debug)]
struct Bar {
    value: f64,
    text: String,
    /// Not worth comparing: it hangs, or leaves tasks without an operation.
    pale: bool,
}

const OURS: RGBColor = RGBColor(31, 94, 184);
const PEER: RGBColor = RGBColor(150, 160, 172);
const GO: RGBColor = RGBColor(72, 163, 150);
const FLOOR: RGBColor = RGBColor(214, 196, 160);
const INK: RGBColor = RGBColor(36, 41, 47);
const LINE: RGBColor = RGBColor(208, 215, 222);

const NAMES: i32 = 232;
const WIDTH: i32 = 1060;
const HEAD: i32 = 58;
const BAR: i32 = 22;
/// Beside the longest bar, for its figure.
const FIGURE: i32 = 78;

/// The charts of a row: what it is about, and for contended rows the worst waits.
pub(super) fn of(row: &Row, results: &Results) -> Vec<Chart> {
    let title = |what: &str| format!("{}: {what}", row.title);
    let measured = match row.measure {
        Measure::Nanos => title("ns per operation"),
        Measure::WaitP99 => title("ns that 99 of 100 wait at most"),
        measure @ Measure::Figure(_) => title(unit(measure)),
    };
    let value = |cell: &Cell| {
        let value = cell.value(row.measure)?;
        let idle = cell.most_idle().unwrap_or(0);
        let mark = if idle > 0 {
            format!(", {idle} at 0")
        } else {
            String::new()
        };
        Some(Bar {
            value,
            text: digits(value) + &mark,
            pale: idle > 0,
        })
    };
    let wait = |cell: &Cell| {
        let worst = cell.fairness(|fairness| Some(fairness.waits?.worst))?;
        Some(Bar {
            value: worst,
            text: time(worst),
            pale: cell.most_idle() != Some(0),
        })
    };
    [
        Chart::new(measured, "", row, results, value),
        Chart::new(title("worst wait"), "-waits", row, results, wait),
    ]
    .into_iter()
    .flatten()
    .collect()
}

impl Chart {
    /// `None` without a bar.
    fn new(
        title: String,
        suffix: &'static str,
        row: &Row,
        results: &Results,
        bar: impl Fn(&Cell) -> Option<Bar>,
    ) -> Option<Self> {
        let mut names: Vec<(String, Role)> = Vec::new();
        for point in 0..row.points.len() {
            for (name, role, _) in (At {
                row,
                point,
                results,
            })
            .cells()
            {
                if names.iter().all(|(known, _)| known != name) {
                    names.push((name.to_owned(), role));
                }
            }
        }
        let mut panels = Vec::new();
        for (point, label) in row
            .points
            .iter()
            .map(|point| point.label.clone())
            .enumerate()
        {
            let at = At {
                row,
                point,
                results,
            };
            let find = |wanted: &str| at.cells().find(|(name, ..)| *name == wanted);
            let bars = names.iter().map(|(name, _)| {
                let (.., cell) = find(name)?;
                if cell.trouble().is_some() {
                    return Some(Bar {
                        value: 0.0,
                        text: "hangs or fails".into(),
                        pale: true,
                    });
                }
                bar(cell)
            });
            panels.push(Panel {
                label,
                bars: bars.collect(),
            });
        }
        let values = || {
            let bars = panels.iter().flat_map(|panel| panel.bars.iter().flatten());
            bars.map(|bar| bar.value).filter(|value| *value > 0.0)
        };
        let range = (values().reduce(f64::min)?, values().reduce(f64::max)?);
        Some(Chart {
            title,
            suffix,
            panels,
            names,
            range,
        })
    }

    fn is_logarithmic(&self) -> bool {
        self.range.1 / self.range.0 > 30.0
    }

    /// The length of a bar, as a part of the longest.
    fn length(&self, value: f64) -> f64 {
        let (min, max) = self.range;
        if value <= 0.0 {
            0.0
        } else if self.is_logarithmic() {
            // The shortest bar is still a bar.
            let from = (min / 2.0).log10();
            (value.log10() - from) / (max.log10() - from)
        } else {
            value / max
        }
    }

    /// As SVG.
    pub(super) fn draw(&self) -> Result<String, String> {
        let say = |error: &dyn Display| error.to_string();
        let mut svg = String::new();
        let rows = i32::try_from(self.names.len()).unwrap_or(0);
        let panels = i32::try_from(self.panels.len()).unwrap_or(1).max(1);
        let size = (
            WIDTH.unsigned_abs(),
            (HEAD + rows * BAR + 14).unsigned_abs(),
        );
        let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        root.fill(&WHITE).map_err(|error| say(&error))?;
        let text = |text: &str, at: (i32, i32), side: HPos, size: u32, bold: bool| {
            let font = ("sans-serif", size).into_font();
            let font = if bold {
                font.style(plotters::style::FontStyle::Bold)
            } else {
                font
            };
            let style = TextStyle::from(font)
                .color(&INK)
                .pos(Pos::new(side, VPos::Center));
            root.draw(&Text::new(text.to_owned(), at, style))
                .map_err(|error| say(&error))
        };
        let scale = if self.is_logarithmic() {
            " (logarithmic)"
        } else {
            ""
        };
        text(
            &format!("{}{scale}", self.title),
            (12, 18),
            HPos::Left,
            16,
            true,
        )?;
        let width = (WIDTH - NAMES - 8) / panels;
        for (i, panel) in (0..).zip(&self.panels) {
            let left = NAMES + i * width;
            text(&panel.label, (left, HEAD - 16), HPos::Left, 14, true)?;
            let axis = [(left, HEAD - 4), (left, HEAD + rows * BAR)];
            root.draw(&PathElement::new(axis, LINE.stroke_width(1)))
                .map_err(|error| say(&error))?;
            for ((j, bar), (_, role)) in (0..).zip(&panel.bars).zip(&self.names) {
                let top = HEAD + j * BAR;
                let Some(bar) = bar else {
                    text("-", (left + 5, top + BAR / 2), HPos::Left, 12, false)?;
                    continue;
                };
                let longest = f64::from(width - FIGURE);
                let right = left + (longest * self.length(bar.value)).round() as i32;
                let colour = match role {
                    Role::Ours => OURS,
                    Role::Peer => PEER,
                    Role::Go => GO,
                    Role::Floor => FLOOR,
                };
                let fill = colour.mix(if bar.pale { 0.35 } else { 1.0 }).filled();
                let corners = [(left, top + 3), (right, top + BAR - 3)];
                root.draw(&Rectangle::new(corners, fill))
                    .map_err(|error| say(&error))?;
                text(&bar.text, (right + 5, top + BAR / 2), HPos::Left, 12, false)?;
            }
        }
        for (j, (name, role)) in (0..).zip(&self.names) {
            let middle = HEAD + j * BAR + BAR / 2;
            text(
                name,
                (NAMES - 10, middle),
                HPos::Right,
                13,
                *role == Role::Ours,
            )?;
        }
        root.present().map_err(|error| say(&error))?;
        drop(root);
        Ok(svg)
    }
}
