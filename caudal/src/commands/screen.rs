//! Where a followed task is shown: lines above a progress bar in a terminal, plain lines elsewhere.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::output::Output;

pub(super) struct Screen {
    output: Output,
    bar: Option<ProgressBar>,
    /// Streamed text of which the line is not yet full.
    open_line: String,
    last: (u64, String),
}

impl Screen {
    pub(super) fn new(output: Output) -> Self {
        let bar = output.is_terminal().then(|| {
            let bar = ProgressBar::new(100);
            if let Ok(style) = ProgressStyle::with_template("{spinner} [{bar:30}] {pos:>3} % {wide_msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Self { output, bar, open_line: String::new(), last: (0, String::new()) }
    }

    pub(super) fn line(&mut self, text: &str) {
        self.close_line();
        match &self.bar {
            Some(bar) => bar.println(text),
            None => self.output.line(text),
        }
    }

    pub(super) fn status(&mut self, text: &str) {
        match &self.bar {
            Some(bar) => bar.set_message(text.to_owned()),
            None => self.line(&format!("▶ {text}")),
        }
    }

    pub(super) fn progress(&mut self, percent: u64, text: &str) {
        let now = (percent.max(self.last.0), text.to_owned());
        if now == self.last {
            return;
        }
        match &self.bar {
            Some(bar) => {
                bar.set_position(now.0);
                bar.set_message(now.1.clone());
            }
            None => self.line(&format!("[{:>3} %] {}", now.0, now.1)),
        }
        self.last = now;
    }

    pub(super) fn text(&mut self, text: &str) {
        if self.bar.is_none() {
            self.output.text(text);
            self.open_line.push_str(text.rsplit_once('\n').map_or(text, |(_, rest)| rest));
            if text.ends_with('\n') {
                self.open_line.clear();
            }
            return;
        }
        self.open_line.push_str(text);
        while let Some((line, rest)) = self.open_line.split_once('\n') {
            if let Some(bar) = &self.bar {
                bar.println(line);
            }
            self.open_line = rest.to_owned();
        }
        if let Some(bar) = &self.bar {
            bar.set_message(self.open_line.clone());
        }
    }

    fn close_line(&mut self) {
        if self.open_line.is_empty() {
            return;
        }
        let line = std::mem::take(&mut self.open_line);
        match &self.bar {
            Some(bar) => bar.println(line),
            None => self.output.text("\n"),
        }
    }

    pub(super) fn end(&mut self) {
        self.close_line();
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}
