//! `now`: what a model cannot know.

use caudal_engine::prelude::*;
use caudal_engine::task::Timestamp;

#[derive(Debug, Serialize)]
pub struct Now {
    utc: Timestamp,
    weekday: &'static str,
}

/// Tells the date, the time (UTC) and the weekday.
#[tool(title = "Look at the clock")]
pub async fn now(step: StepContext) -> FlowResult<Now> {
    let utc = step.now();
    Ok(Now { utc, weekday: weekday(utc) })
}

fn weekday(at: Timestamp) -> &'static str {
    const DAY_MS: i64 = 86_400_000;
    // The first day of Unix was a Thursday.
    const NAMES: [&str; 7] = ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];
    let day = at.as_millis().div_euclid(DAY_MS).rem_euclid(7);
    NAMES[usize::try_from(day).unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: days before and after the first one have their right names.
    #[test]
    fn weekdays() {
        assert_eq!(weekday(Timestamp::from_millis(0)), "Thursday");
        assert_eq!(weekday(Timestamp::from_millis(-1)), "Wednesday");
        assert_eq!(weekday(Timestamp::from_millis(1_767_225_600_000)), "Thursday"); // 2026-01-01
    }
}
