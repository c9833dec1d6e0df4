//! Many queries in one script: before each stands one that prints a mark.

use super::printed::Format;

/// The script.
pub(super) fn written(statements: &[String]) -> String {
    let marked = statements.iter().enumerate().map(|(at, sql)| format!("SELECT {at} AS question_{at};\n{sql};\n"));
    marked.collect()
}

/// What was printed after each of the marks that are there.
pub(super) fn answers(printed: &str, format: Format) -> Vec<String> {
    let mut answers = Vec::new();
    let Some(mut rest) = printed.strip_prefix(&mark(0, format)) else { return answers };
    loop {
        let next = mark(answers.len() + 1, format);
        let Some(at) = line_at(rest, &next) else { break };
        answers.push(rest[..at].to_owned());
        rest = &rest[at + next.len()..];
    }
    answers.push(rest.to_owned());
    answers
}

fn mark(at: usize, format: Format) -> String {
    match format {
        Format::Csv => format!("question_{at}\n{at}\n"),
        Format::Json => format!("{{\"question_{at}\":{at}}}\n"),
    }
}

/// Where the mark begins a line.
fn line_at(text: &str, mark: &str) -> Option<usize> {
    text.match_indices(mark).map(|(at, _)| at).find(|&at| at == 0 || text.as_bytes()[at - 1] == b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_between_the_marks() {
        let printed = "question_0\n0\na\n1\nquestion_1\n1\nquestion_2\n2\nb\n";
        assert_eq!(answers(printed, Format::Csv), ["a\n1\n", "", "b\n"]);
        let printed = "{\"question_0\":0}\n{\"question_1\":1}\n{\"a\":1}\n";
        assert_eq!(answers(printed, Format::Json), ["", "{\"a\":1}\n"]);
        assert!(answers("error\n", Format::Csv).is_empty());
    }

    #[test]
    fn every_statement_has_a_mark() {
        let script = written(&["SELECT 7 AS a".into(), "SELECT 8 AS b".into()]);
        assert_eq!(script, "SELECT 0 AS question_0;\nSELECT 7 AS a;\nSELECT 1 AS question_1;\nSELECT 8 AS b;\n");
    }
}
