//! Watch tokens: the right to see one task for a while, in a URL, because an `EventSource` can send no header and, on
//! another origin, no cookie.

use caudal_engine::task::{TaskId, Timestamp};

use crate::signer::Signer;

/// `until.signature`
pub(crate) fn token(signer: &Signer, task: TaskId, until: Timestamp) -> String {
    let until = until.as_millis();
    format!("{until}.{}", signer.sign(&signed_text(task, until)))
}

pub(super) fn allows(token: &str, signer: &Signer, task: TaskId, now: Timestamp) -> bool {
    let Some((until, signature)) = token.split_once('.') else { return false };
    let Ok(until) = until.parse::<i64>() else { return false };
    signer.signed(&signed_text(task, until), signature) && now.as_millis() < until
}

fn signed_text(task: TaskId, until: i64) -> String {
    format!("watch:{task}:{until}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: it is for one task and for a while, and cannot be stretched.
    #[test]
    fn one_task_for_a_while() {
        let (signer, other) = (Signer::new([7; 32]), Signer::new([8; 32]));
        let [now, until] = [1_000, 2_000].map(Timestamp::from_millis);
        let [one, two] = [1, 2].map(|number| TaskId::from_parts(now, 0, number));
        let token = token(&signer, one, until);
        assert!(allows(&token, &signer, one, now));
        assert!(!allows(&token, &signer, two, now) && !allows(&token, &other, one, now));
        assert!(!allows(&token, &signer, one, until));
        for wrong in [&token.replace("2000.", "9000."), &token[1..], "", ".", "2000."] {
            assert!(!allows(wrong, &signer, one, now), "{wrong}");
        }
    }
}
