//! Times as RFC 3339 in UTC with six digits and `Z`: `2026-11-23T09:02:58.123456Z`, always 27 bytes.

const MICROS_PER_SECOND: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// The first moment that RFC 3339 can write, 0000-01-01, in microseconds since the Unix epoch.
pub const MIN_AT_US: i64 = -62_167_219_200 * MICROS_PER_SECOND;

/// The last moment that RFC 3339 can write, the end of 9999, in microseconds since the Unix epoch.
pub const MAX_AT_US: i64 = 253_402_300_800 * MICROS_PER_SECOND - 1;

/// Appends the time `at_us`, microseconds since the Unix epoch. Beyond what RFC 3339 can write, the nearest that it can.
pub fn write(at_us: i64, out: &mut Vec<u8>) {
    let at_us = at_us.clamp(MIN_AT_US, MAX_AT_US);
    let second = at_us.div_euclid(MICROS_PER_SECOND);
    let in_day = second.rem_euclid(SECONDS_PER_DAY);
    let (year, month, day) = civil_from_days(second.div_euclid(SECONDS_PER_DAY));
    write_digits(year, 4, out);
    out.push(b'-');
    write_digits(month, 2, out);
    out.push(b'-');
    write_digits(day, 2, out);
    out.push(b'T');
    write_digits(in_day / 3600, 2, out);
    out.push(b':');
    write_digits(in_day / 60 % 60, 2, out);
    out.push(b':');
    write_digits(in_day % 60, 2, out);
    out.push(b'.');
    write_digits(at_us.rem_euclid(MICROS_PER_SECOND), 6, out);
    out.push(b'Z');
}

/// The time `at_us` as [`write()`] writes it.
#[must_use]
pub fn text(at_us: i64) -> String {
    let mut out = Vec::with_capacity(27);
    write(at_us, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// Reads exactly what [`write()`] writes; any other spelling of a time is none.
#[must_use]
pub fn parse(text: &str) -> Option<i64> {
    let field = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let days = days_from_civil(field(0, 4)?, field(5, 7)?, field(8, 10)?);
    let second = days * SECONDS_PER_DAY + field(11, 13)? * 3600 + field(14, 16)? * 60 + field(17, 19)?;
    let at_us = second * MICROS_PER_SECOND + field(20, 26)?;
    let mut written = Vec::with_capacity(27);
    write(at_us, &mut written);
    (written == text.as_bytes()).then_some(at_us)
}

fn write_digits(value: i64, width: u32, out: &mut Vec<u8>) {
    for place in (0..width).rev() {
        let digit = u8::try_from(value / 10_i64.pow(place) % 10).unwrap_or(0);
        out.push(b'0' + digit);
    }
}

// Both ways count in 400-year eras of years that begin in March, so that the leap day comes last:
// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let from_march_year = year - i64::from(month <= 2);
    let (era, of_era) = (from_march_year.div_euclid(400), from_march_year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}
