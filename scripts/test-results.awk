# Reads the results of one test run, CTest's JUnit file or the .trx of dotnet test, and prints every skipped test with its
# reason, every failed test with its message, and as the last line three numbers: passed, failed, skipped.
# A CTest test that is a whole GoogleTest program counts as the cases it ran.

BEGIN { RS = "<" }   # one record is one tag with the text after it; both writers escape every other "<"

/^UnitTestResult /        { begin(attribute("testName"), attribute("outcome")) }
/^testcase /              { begin(attribute("name"), attribute("status")) }
/^(Message|StackTrace)>/  { message = message text() "\n" }
/^(StdOut|system-out)>/   { output = output text() }
/^\/(UnitTestResult|testcase)>/ { finish() }
/^(UnitTestResult|testcase) .*\/>[ \r\n]*$/ { finish() }
END { print passed + 0, failed + 0, skipped + 0 }

function begin(testName, testOutcome) {
    name = testName; outcome = testOutcome; message = ""; output = ""
}

function finish() {
    if (name == "") return
    if (output ~ /(^|\n)\[ RUN      \] /) count_cases()
    else if (outcome ~ /^(Passed|run)$/) passed++
    else if (outcome ~ /^(NotExecuted|notrun|disabled)$/) skip(name, message output)
    else fail(name, message output)
    name = ""
}

# Counts the cases in what a GoogleTest program printed.
function count_cases(    lines, count, i, running, said, failedBefore) {
    failedBefore = failed
    count = split(output, lines, "\n")
    for (i = 1; i <= count; i++) {
        if (lines[i] ~ /^\[ RUN      \] /) { running = substr(lines[i], 14); said = "" }
        else if (running != "" && index(lines[i], "[       OK ] " running)) { passed++; running = "" }
        else if (running != "" && index(lines[i], "[  SKIPPED ] " running)) { skip(running, said); running = "" }
        else if (running != "" && index(lines[i], "[  FAILED  ] " running)) { fail(running, said); running = "" }
        else if (lines[i] !~ /^\[[-= A-Z]+\] /) said = said lines[i] "\n"
    }
    if (running != "") fail(running, said)
    else if (outcome == "fail" && failed == failedBefore) fail(name, said)
}

function skip(test, words) {
    skipped++
    sub(/^[^\n]*: Skipped\n/, "", words)   # GoogleTest's file and line
    gsub(/[ \t\r\n]+/, " ", words)
    gsub(/^ | $/, "", words)
    print "skipped " test ": " (words != "" ? words : outcome == "disabled" ? "disabled" : "no reason given")
}

function fail(test, words,    lines, count, i, shown) {
    failed++
    print "FAILED " test
    count = split(words, lines, "\n")
    for (i = 1; i <= count && shown < 40; i++) {
        sub(/\r$/, "", lines[i])
        if (lines[i] ~ /^[ \t]*$/ || lines[i] ~ /^ +at System\.Reflection\./) continue
        print "    " lines[i]
        shown++
    }
    if (!shown) print "    printed nothing; the log says how it ended"
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
