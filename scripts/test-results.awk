# Reads the results of one test run, CTest's JUnit file or the .trx of dotnet test, and prints every skipped test with its
# reason, every failed test with its message, and as the last line three numbers: passed, failed, skipped.

BEGIN { RS = "<" }   # one record is one tag with the text after it; both writers escape every other "<"

/^UnitTestResult /        { begin(attribute("testName"), attribute("outcome")) }
/^testcase /              { begin(attribute("name"), attribute("status")) }
/^(Message|StackTrace)>/  { if (inTest) detail = detail "\n" text() }
/^StdOut>/                { if (inTest) printed = printed text() }
/^system-out>/            { if (inTest) printed = printed text() }
/^\/(UnitTestResult|testcase)>/ { finish() }
/^(UnitTestResult|testcase) .*\/>[ \r\n]*$/ { finish() }
END { print passed + 0, failed + 0, skipped + 0 }

function begin(testName, testOutcome) {
    inTest = 1; name = testName; outcome = testOutcome; detail = ""; printed = ""
}

function finish() {
    if (!inTest) return
    inTest = 0
    if (outcome ~ /^(Passed|run)$/) { passed++; return }
    if (outcome ~ /^(NotExecuted|notrun|disabled)$/) {
        skipped++
        print "skipped " name ": " reason()
        return
    }
    failed++
    print "FAILED " name
    print indented(detail != "" ? detail : printed)
}

# Why a test was skipped, in one line: what xUnit says, or what GoogleTest printed after "Skipped".
function reason(    lines, count, i, words) {
    if (outcome == "disabled") return "disabled"
    words = detail != "" ? detail : printed
    if (match(words, /: Skipped\n/)) {
        words = substr(words, RSTART + RLENGTH)
        sub(/\[  SKIPPED \].*/, "", words)
    }
    gsub(/[ \t\r\n]+/, " ", words)
    gsub(/^ | $/, "", words)
    return words != "" ? words : "no reason given"
}

function indented(words,    lines, count, i, result, shown) {
    count = split(words, lines, "\n")
    for (i = 1; i <= count && shown < 40; i++) {
        sub(/\r$/, "", lines[i])
        if (lines[i] ~ /^[ \t]*$/) continue
        result = result (shown++ ? "\n" : "") "    " lines[i]
    }
    return result
}

function attribute(key) {
    if (!match($0, "[ \n]" key "=\"[^\"]*\"")) return ""
    return unescaped(substr($0, RSTART + length(key) + 3, RLENGTH - length(key) - 4))
}

function text(    words) {
    words = $0
    sub(/^([^">]|"[^"]*")*>/, "", words)
    return unescaped(words)
}

function unescaped(words) {
    gsub(/&lt;/, "<", words); gsub(/&gt;/, ">", words); gsub(/&quot;/, "\"", words); gsub(/&apos;/, "'", words)
    gsub(/&#x[dD];/, "", words); gsub(/&#(x[aA]|10);/, "\n", words); gsub(/&#x9;/, "\t", words)
    gsub(/&amp;/, "\\&", words)
    return words
}
