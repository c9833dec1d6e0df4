//! What drivers share, question by question.

use super::*;

const ONE: DriverId = DriverId(1);
const OTHER: DriverId = DriverId(2);
const SOON: Option<Duration> = Some(Duration::from_millis(50));

/// Commons at a moment that passes as the test says.
#[derive(Default)]
struct Board {
    commons: Commons,
    now: u64,
}

fn value(text: &str) -> Arc<[u8]> {
    text.as_bytes().into()
}

/// "1.7 value a" for the answer to question 7 of driver 1.
fn show(answers: Answers) -> String {
    let answer = |answer| {
        if let Answer::Value(value) = &answer {
            return format!("value {}", String::from_utf8_lossy(value));
        }
        let refused = matches!(answer, Answer::Refused(_));
        if refused { "refused".to_owned() } else { format!("{answer:?}").to_lowercase() }
    };
    let all = answers.into_iter().map(|((driver, request), said)| format!("{}.{request} {}", driver.0, answer(said)));
    all.collect::<Vec<_>>().join(", ")
}

impl Board {
    fn ask(&mut self, asker: Asker, question: Question) -> String {
        let answers = self.commons.ask(Time(self.now), asker, question);
        self.commons.check();
        show(answers)
    }

    fn push(&mut self, asker: Asker, text: &str, limit: Option<u32>) -> String {
        self.ask(asker, Question::Push { name: "q".into(), value: value(text), limit, wait: SOON })
    }

    fn pop(&mut self, asker: Asker, wait: Option<Duration>) -> String {
        self.ask(asker, Question::Pop { name: "q".into(), wait })
    }

    fn acquire(&mut self, asker: Asker, limit: u32) -> String {
        self.ask(asker, Question::Acquire { name: "s".into(), limit, wait: None })
    }

    fn pass(&mut self, millis: u64) -> String {
        self.now += millis;
        let answers = self.commons.expire(Time(self.now));
        self.commons.check();
        show(answers)
    }
}

#[test]
fn variables_are_awaited() {
    let mut board = Board::default();
    let get = |wait| Question::Get { name: "v".into(), wait };
    let set = |text| Question::Set { name: "v".into(), value: value(text) };
    assert_eq!(board.ask((ONE, 1), get(None)), "");
    assert_eq!(board.ask((ONE, 2), get(SOON)), "");
    assert_eq!(board.ask((ONE, 3), get(Some(Duration::ZERO))), "1.3 timedout");
    assert_eq!(board.pass(50), "1.2 timedout");
    assert_eq!(board.ask((OTHER, 1), set("a")), "2.1 done, 1.1 value a");
    assert_eq!(board.ask((OTHER, 2), set("bc")), "2.2 done");
    assert_eq!(board.ask((ONE, 4), get(None)), "1.4 value bc");
    assert_eq!(board.ask((ONE, 5), Question::Delete { name: "v".into() }), "1.5 done");
    assert_eq!(board.ask((ONE, 6), get(Some(Duration::ZERO))), "1.6 timedout");
}

#[test]
fn queues_are_first_in_first_out() {
    let mut board = Board::default();
    assert_eq!(board.pop((ONE, 1), None), "");
    assert_eq!(board.push((OTHER, 1), "a", Some(1)), "2.1 done, 1.1 value a");
    assert_eq!(board.push((OTHER, 2), "b", Some(1)), "2.2 done");
    assert_eq!(board.push((OTHER, 3), "c", Some(1)), "", "there is room for one only");
    assert_eq!(board.ask((ONE, 2), Question::Count { name: "q".into() }), "1.2 count(1)");
    assert_eq!(board.pop((ONE, 3), None), "1.3 value b, 2.3 done");
    assert_eq!(board.push((OTHER, 4), "d", Some(1)), "");
    assert_eq!(board.pass(50), "2.4 timedout");
    assert_eq!(board.ask((ONE, 4), Question::PutBack { name: "q".into(), value: value("b") }), "1.4 done");
    assert_eq!(board.pop((ONE, 5), None), "1.5 value b");
    assert_eq!(board.pop((ONE, 6), None), "1.6 value c");
    assert_eq!(board.push((OTHER, 5), "e", Some(0)), "", "it waits for somebody's hand");
    assert_eq!(board.pop((ONE, 7), None), "2.5 done, 1.7 value e");
}

#[test]
fn leases_end_with_their_driver() {
    let mut board = Board::default();
    assert_eq!(board.acquire((ONE, 1), 2), "1.1 done");
    assert_eq!(board.acquire((OTHER, 1), 2), "2.1 done");
    assert_eq!(board.acquire((OTHER, 2), 2), "");
    assert_eq!(board.acquire((OTHER, 3), 2), "");
    assert_eq!(show(board.commons.withdraw((OTHER, 2))), "2.2 timedout");
    // Somebody else's lease cannot be given back.
    assert_eq!(board.ask((OTHER, 4), Question::Release { name: "s".into(), lease: 9 }), "2.4 done");
    assert_eq!(show(board.commons.driver_gone(ONE)), "2.3 done");
    assert_eq!(board.acquire((ONE, 2), 2), "");
    assert_eq!(board.ask((OTHER, 5), Question::Release { name: "s".into(), lease: 1 }), "2.5 done, 1.2 done");
}

#[test]
fn values_have_a_limit() {
    let mut board = Board::default();
    let large = |size| Question::Set { name: "v".into(), value: vec![0; size].into() };
    assert_eq!(board.ask((ONE, 1), large(MOST_BYTES)), "1.1 done");
    assert_eq!(board.push((ONE, 2), "x", None), "1.2 refused");
    assert_eq!(board.ask((ONE, 3), large(MOST_BYTES + 1)), "1.3 refused");
    assert_eq!(board.ask((ONE, 4), large(1)), "1.4 done");
    assert_eq!(board.push((ONE, 5), "x", None), "1.5 done");
    assert_eq!(board.commons.bytes, 2);
    let back = |size| Question::PutBack { name: "q".into(), value: vec![0; size].into() };
    assert_eq!(board.ask((ONE, 6), back(MOST_BYTES)), "1.6 done");
    assert_eq!(board.ask((ONE, 7), back(MOST_BYTES)), "1.7 refused");
}

#[test]
fn names_have_a_limit() {
    let mut board = Board::default();
    let set = |name: String| Question::Set { name, value: value("") };
    assert_eq!(board.ask((ONE, 1), set("x".repeat(LONGEST_NAME + 1))), "1.1 refused");
    for number in 0..MOST_NAMES {
        board.commons.ask(Time(0), (ONE, 2), set(number.to_string()));
    }
    assert_eq!(board.ask((ONE, 3), set("one more".into())), "1.3 refused");
    assert_eq!(board.ask((ONE, 4), set("7".into())), "1.4 done");
    assert_eq!(board.ask((ONE, 5), Question::Delete { name: "8".into() }), "1.5 done");
    assert_eq!(board.ask((ONE, 6), set("one more".into())), "1.6 done");
}
