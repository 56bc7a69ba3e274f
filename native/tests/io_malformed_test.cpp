// Every way a file can be wrong is found when it is opened, and the message names the file and the fault.
#include <sys/stat.h>

#include "files.h"

using namespace hybrid::tests;

class Malformed : public InFolder {
 protected:
  void refused(const std::string& bytes, const std::string& mentions, hyb_status status = HYB_BAD_FORMAT) {
    put(path("f"), bytes);
    for (const auto& text : {path("f"), mentions})
      refuses<hyb_safetensors>(
          status, "safetensors_open", [&](auto out) { return hyb_safetensors_open(path("f").c_str(), out); }, text);
  }
  void header(const std::string& text, const std::string& mentions, const std::string& data = "") {
    refused(file_of(text, data), mentions);
  }

  // One tensor of four bytes with this description.
  void entry(const std::string& description, const std::string& mentions) { header("{\"x\":" + description + "}", mentions, "1234"); }
};

TEST_F(Malformed, TheseCasesAreWellFormedWithoutTheirFault) {
  put(path("f"), file_of(R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", "1234"));
  EXPECT_EQ(OpenFile(path("f")).count(), 1);
}

TEST_F(Malformed, FilesThatCannotBeRead) {
  auto refused = [](const std::string& path, const char* mentions) {
    refuses<hyb_safetensors>(
        HYB_IO, "safetensors_open", [&](auto out) { return hyb_safetensors_open(path.c_str(), out); }, path);
    expect_error_text("safetensors_open", mentions);
  };
  refused(path("absent"), "No such file");
  refused(path(""), "regular");
  refused("/dev/null", "regular");
  refuses<hyb_safetensors>(
      HYB_INVALID_ARGUMENT, "safetensors_open", [](auto out) { return hyb_safetensors_open(nullptr, out); }, "path");
}

TEST_F(Malformed, TooShort) {
  refused("", "0 bytes");
  refused("1234567", "7 bytes");
  refused(std::string(8, '\0'), "'{' expected");
}

TEST_F(Malformed, HeaderLengthBeyondTheFile) {
  refused(std::string("\x03\0\0\0\0\0\0\0{}", 10), "3 bytes in a file of 10");
  refused(std::string(8, '\xff') + "{}", "18446744073709551615");
  refused(std::string("\xf8\xff\xff\xff\xff\xff\xff\x7f{}", 10), "9223372036854775800");
  refused(std::string("\0\0\0\0\1\0\0\0{}", 10), "4294967296");
}

TEST_F(Malformed, EveryTruncationIsFound) {
  auto whole = file_of(
      R"({"__metadata__":{"a":"b"},"x":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},"é":{"dtype":"U8","shape":[],"data_offsets":[8,9]}})",
      "123456789");
  put(path("f"), whole);
  EXPECT_EQ(OpenFile(path("f")).count(), 2);
  for (size_t length = 0; length < whole.size(); ++length) refused(whole.substr(0, length), "");
  refused(whole + "0", "the file holds 10");
}

TEST_F(Malformed, EveryTruncationOfTheHeaderTextIsFound) {
  std::string text = R"({"__metadata__":{"a":"\u00e9"},"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";
  for (size_t length = 0; length < text.size(); ++length) header(text.substr(0, length), "header, byte", "1234");
}

TEST_F(Malformed, AnyChangedByteIsReadOrRefusedButNeverCrashes) {
  auto whole = file_of(R"({"__metadata__":{"a":"b\n"},"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", "1234");
  int64_t refusals = 0;
  for (size_t at = 0; at + 4 < whole.size(); ++at)
    for (int changed : std::vector<int>{0, 0x20, '"', '{', '}', '[', ']', ',', ':', '\\', '0', '9', 0x80, 0xff}) {
      auto bytes = whole;
      bytes[at] = static_cast<char>(changed);
      put(path("f"), bytes);
      hyb_safetensors* file = nullptr;
      auto status = hyb_safetensors_open(path("f").c_str(), &file);
      EXPECT_TRUE(status == HYB_OK || status == HYB_BAD_FORMAT) << "byte " << at << " as " << changed << ": " << hyb_last_error();
      if (status == HYB_OK) hyb_safetensors_free(file);
      refusals += status != HYB_OK;
    }
  EXPECT_GT(refusals, 800);
}

TEST_F(Malformed, NotAnObject) {
  for (const char* text : {"", "[]", "null", "\"x\"", "7", "x", "  "}) header(text, "'{' expected");
  header("{", "'\"' expected");
  header("{} x", "text after");
  header("{}{}", "text after");
  header(std::string("{}\0", 3), "text after");
  header("{,}", "'\"' expected");
}

TEST_F(Malformed, TrailingAndMissingCommas) {
  entry(R"({"dtype":"F32","shape":[1],"data_offsets":[0,4],})", "'\"' expected");
  entry(R"({"dtype":"F32" "shape":[1],"data_offsets":[0,4]})", "'}' expected");
  entry(R"({"dtype":"F32","shape":[1,],"data_offsets":[0,4]})", "whole number");
  entry(R"({"dtype":"F32","shape":[1 1],"data_offsets":[0,4]})", "']' expected");
  entry(R"({"dtype" "F32","shape":[1],"data_offsets":[0,4]})", "':' expected");
  header(R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},})", "'\"' expected", "1234");
}

TEST_F(Malformed, DescriptionsOfTheWrongKind) {
  for (const char* text : {"[]", "7", "\"x\"", "null", "[{}]"}) entry(text, "'{' expected");
  entry("{}", "'\"' expected");
  entry(R"({"dtype":7,"shape":[1],"data_offsets":[0,4]})", "'\"' expected");
  entry(R"({"dtype":"F32","shape":4,"data_offsets":[0,4]})", "'[' expected");
  entry(R"({"dtype":"F32","shape":[[1]],"data_offsets":[0,4]})", "whole number");
  entry(R"({"dtype":"F32","shape":[1],"data_offsets":{"a":0}})", "'[' expected");
  entry(R"({"dtype":"F32","shape":["1"],"data_offsets":[0,4]})", "whole number");
}

TEST_F(Malformed, DeepNestingIsRefusedAtOnce) {
  header(std::string(1'000'000, '['), "'{' expected");
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
  header(objects, "key 'a' is unknown");
  header("{\"__metadata__\":" + objects, "expected");
}

TEST_F(Malformed, KeysMissingUnknownOrTwice) {
  entry(R"({"shape":[1],"data_offsets":[0,4]})", "all needed");
  entry(R"({"dtype":"F32","data_offsets":[0,4]})", "all needed");
  entry(R"({"dtype":"F32","shape":[1]})", "all needed");
  entry(R"({"dtype":"F32","shape":[1],"data_offsets":[0,4],"stride":[1]})", "'stride'");
  entry(R"({"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]})", "'dtype'");
  entry(R"({"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]})", "'shape'");
  entry(R"({"dtype":"F32","shape":[1],"data_offsets":[0,4],"data_offsets":[0,4]})", "'data_offsets'");
  entry(R"({"Dtype":"F32","shape":[1],"data_offsets":[0,4]})", "'Dtype'");
}

TEST_F(Malformed, UnknownTypes) {
  for (std::string dtype : {"F8_E4M3", "f32", "", "F32 ", "I16"})
    entry("{\"dtype\":\"" + dtype + "\",\"shape\":[1],\"data_offsets\":[0,4]}", "'" + dtype + "'");
}

TEST_F(Malformed, Numbers) {
  for (const char* number : {"-1", "+1", "1.0", "1e0", "01", "00", "0x1", "", "18446744073709551616", "99999999999999999999999"})
    entry(std::string(R"({"dtype":"F32","shape":[)") + (*number ? number : "1,,1") + R"(],"data_offsets":[0,4]})", "header, byte");
  entry(R"({"dtype":"F32","shape":[01],"data_offsets":[0,4]})", "leading zero");
  entry(R"({"dtype":"F32","shape":[18446744073709551616],"data_offsets":[0,4]})", "64 bits");
  entry(R"({"dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,4]})", "63 bits");
  entry(R"({"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]})", "more than 8");
  entry(R"({"dtype":"F32","shape":[1],"data_offsets":[0,4,4]})", "more than 2");
  entry(R"({"dtype":"F32","shape":[1],"data_offsets":[0]})", "two numbers");
  entry(R"({"dtype":"F32","shape":[1],"data_offsets":[]})", "two numbers");
}

TEST_F(Malformed, SizesThatDoNotFit) {
  entry(R"({"dtype":"F32","shape":[2],"data_offsets":[0,4]})", "for 8 bytes");
  entry(R"({"dtype":"F64","shape":[1],"data_offsets":[0,4]})", "for 8 bytes");
  entry(R"({"dtype":"F32","shape":[0],"data_offsets":[0,4]})", "for 0 bytes");
  entry(R"({"dtype":"F32","shape":[1],"data_offsets":[4,0]})", "4 to 0");
  entry(R"({"dtype":"F32","shape":[4611686018427387905],"data_offsets":[0,4]})", "overflows");
  entry(R"({"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]})", "overflows");
  for (const char* shape : {"[0,4294967296,4294967296]", "[4294967296,4294967296,0]"})  // a zero does not excuse the others
    header(std::string(R"({"x":{"dtype":"F32","shape":)") + shape + R"(,"data_offsets":[0,0]}})", "overflows");
  entry(R"({"dtype":"F32","shape":[1],"data_offsets":[18446744073709551612,18446744073709551615]})", "for 4 bytes");
}

TEST_F(Malformed, OverlapsAndGaps) {
  auto two = [&](const char* first, const char* second, const std::string& data, const char* mentions) {
    header(std::string(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":)") + first + R"(},"b":{"dtype":"U8","shape":[2],"data_offsets":)" +
               second + "}}",
           mentions, data);
  };
  two("[0,2]", "[1,3]", "123", "'b' begins at byte 1");
  two("[0,2]", "[0,2]", "12", "begins at byte 0");
  two("[0,2]", "[3,5]", "12345", "'b' begins at byte 3");
  two("[1,3]", "[3,5]", "12345", "'a' begins at byte 1");
  two("[2,4]", "[0,2]", "123", "truncated");
  two("[2,4]", "[0,2]", "12345", "the file holds 5");
  header("{}", "the file holds 1", "1");
  header(R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[1,1]},"b":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})",
         "'a' begins at byte 1", "12");
}

TEST_F(Malformed, NamesTwice) {
  const std::string one = R"({"dtype":"U8","shape":[0],"data_offsets":[0,0]})";
  header("{\"a\":" + one + ",\"a\":" + one + "}", "'a' stands twice");
  header("{\"a\":" + one + ",\"\\u0061\":" + one + "}", "'a' stands twice");
  header(R"({"__metadata__":{},"__metadata__":{}})", "'__metadata__' stands twice");
  header(R"({"__metadata__":{"k":"1","k":"2"}})", "'k' stands twice");
}

// What a file says must not forge lines of a log, move the cursor of a terminal or fill the screen.
TEST_F(Malformed, NamesInMessagesAreOneShortLine) {
  const std::string one = R"({"dtype":"U8","shape":[0],"data_offsets":[0,0]})";
  auto twice = [&](const std::string& name, const std::string& mentions) { header("{\"" + name + "\":" + one + ",\"" + name + "\":" + one + "}", mentions); };
  twice("a\\nb\\u001b[1mc\\u0085d\u2028e\x7f", "tensor 'a?b?[1mc?d?e?' stands twice");
  twice(std::string(5000, 'x'), "tensor '" + std::string(100, 'x') + "...' stands twice");
  twice("\u00e9\u20ac", "tensor '\u00e9\u20ac' stands twice");
  entry("{\"dtype\":\"F\\n3\"}", "dtype 'F?3' is not");
  entry("{\"d\\ttype\":\"F32\"}", "key 'd?type' is unknown");
  header("{\"\\\xc3", "unknown escape");
}

TEST_F(Malformed, Metadata) {
  header(R"({"__metadata__":[]})", "'{' expected");
  header(R"({"__metadata__":{"k":1}})", "'\"' expected");
  header(R"({"__metadata__":{"k":{}}})", "'\"' expected");
  header(R"({"__metadata__":{"k":"v",}})", "'\"' expected");
}

TEST_F(Malformed, Strings) {
  const std::string rest = R"(":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})";
  auto name = [&](const std::string& raw, const char* mentions) { header("{\"" + raw + rest, mentions); };
  name("\n", "control character");
  name(std::string(1, '\0'), "control character");
  name("\\x", "escape");
  name("\\u12", "hexadecimal");
  name("\\u12G4", "hexadecimal");
  name("\\ud800", "surrogate");
  name("\\ud800\\u0041", "surrogate");
  name("\\ude00", "surrogate");
  name("\\ud800\\ud800", "surrogate");
  name("\\u0000", "zero character");  // names are handed out as C strings
  header("{\"abc", "ends inside a string");
  header("{\"abc\\", "ends inside an escape");
}

TEST_F(Malformed, TextThatIsNotUtf8) {
  const std::string rest = R"(":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})";
  for (const char* raw : {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc3", "\xc3(", "\xe0\x80\x80", "\xe0\x9f\xbf", "\xe2\x82",
                          "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf0\x9f\x98", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff"}) {
    header("{\"" + std::string(raw) + rest, "UTF-8");
    header("{\"__metadata__\":{\"k\":\"" + std::string(raw) + "\"}}", "UTF-8");
  }
}

TEST_F(Malformed, TheLastNamesOfTheirLengthAreFine) {
  for (std::string raw :
       {"\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    put(path("f"), file_of("{\"" + raw + R"(":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})"));
    EXPECT_EQ(OpenFile(path("f")).name(0), raw);
  }
}
