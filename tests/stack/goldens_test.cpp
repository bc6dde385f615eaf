// Programs that a real FoundationDB 7.3.79 ran, run again over our binding and engine: every row it left must
// be there, with the same bytes. Its recorded runs lie outside of the repository, in ../shared/goldens; where
// that folder is absent the test says so and is skipped. What would break it: any difference in what a read
// answers, in an error code, or in what a commit leaves.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cstdio>
#include <filesystem>

#include "machine_for_tests.h"

namespace everframe::stack {
namespace {

constexpr const char* GOLDENS = "../shared/goldens/fdb-7.3.79-stack-programs.jsonl.xz";

std::string from_hex(std::string_view hex) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string out;
  out.reserve(hex.size() / 2);
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    out.push_back(static_cast<char>(digit(hex[i]) * 16 + digit(hex[i + 1])));
  }
  return out;
}

struct Program {
  std::string name;
  std::string prefix;
  Rows before;
  Rows changed;
  std::vector<std::string> removed;
  std::size_t version_dependent = 0;
};

Rows rows_of(const boost::json::value& list) {
  Rows rows;
  for (const auto& row : list.as_array()) {
    rows[from_hex(row.at(0).as_string())] = from_hex(row.at(1).as_string());
  }
  return rows;
}

Program program_of(const std::string& line) {
  const auto json = boost::json::parse(line);
  Program program;
  program.name = std::string(json.at("test").as_string()) + " " +
                 std::to_string(json.at("seed").to_number<std::int64_t>());
  program.prefix = json.at("prefix").as_string();
  program.before = rows_of(json.at("program"));
  program.changed = rows_of(json.at("changed"));
  for (const auto& key : json.at("removed").as_array()) program.removed.push_back(from_hex(key.as_string()));
  program.version_dependent = json.at("version_dependent_rows").to_number<std::size_t>();
  return program;
}

// Calls `visit` with each line of the compressed file.
template <class Visit>
void each_line(Visit visit) {
  const std::string command = std::string("xz -dc ") + GOLDENS;
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  ASSERT_NE(pipe, nullptr);
  std::string line;
  std::vector<char> buffer(1 << 20);
  while (const std::size_t count = std::fread(buffer.data(), 1, buffer.size(), pipe.get())) {
    std::size_t begin = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (buffer[i] != '\n') continue;
      line.append(buffer.data() + begin, i - begin);
      visit(line);
      line.clear();
      begin = i + 1;
    }
    line.append(buffer.data() + begin, count - begin);
  }
}

// A busy machine, or a sanitizer, must not make a program's transactions too old (5 s), so its engine lives
// slower. Not that of the scripted program: it waits for time-outs.
class SlowClock final : public platform::Clock {
 public:
  Time now() const override { return start_ + (clock_.now() - start_) / 20; }
  WallMs wall() const override { return clock_.wall(); }

 private:
  const platform_os::OsClock clock_;
  const Time start_ = clock_.now();
};

class GoldenTest : public MachineTest {
 protected:
  std::unique_ptr<store::Database> open_for(const Program& program) {
    const bool waits = program.name.starts_with("scripted");
    embedded::configure({nullptr, waits ? static_cast<platform::Clock*>(&clock_) : &slow_, 1});
    return store::open_engine("golden " + program.name);
  }
  ~GoldenTest() override { embedded::configure({nullptr, &clock_, 1}); }

 private:
  SlowClock slow_;
};

// The scripted program lets two machines race to write one key; its authors accept either's value.
std::string settled_race(std::string value) {
  constexpr std::string_view LATER = "barthread_spec1";
  const auto at = value.find(LATER);
  if (at != std::string::npos) value[at + LATER.size() - 1] = '0';
  return value;
}

std::string shown(const std::string& packed) {
  const auto tuple = store::unpack(packed);
  return tuple ? store::to_text(*tuple) : "(not a tuple, " + std::to_string(packed.size()) + " bytes)";
}

// How many rows differ; the first few are printed.
std::size_t differences(const Program& program, const Rows& after) {
  std::size_t different = 0;
  const auto differs = [&](const std::string& key, const std::string& wanted, const std::string& got) {
    if (++different > 5) return;
    ADD_FAILURE() << program.name << "\nkey    " << shown(key) << "\nwanted " << wanted << "\ngot    " << got;
  };
  Rows wanted = program.before;
  for (const auto& [key, value] : program.changed) wanted[key] = value;
  for (const std::string& key : program.removed) wanted.erase(key);
  std::size_t unknown = 0;
  for (const auto& [key, value] : after) {
    const auto found = wanted.find(key);
    if (found == wanted.end()) {
      ++unknown;
    } else if (settled_race(found->second) != settled_race(value)) {
      differs(key, shown(found->second), shown(value));
    }
  }
  for (const auto& [key, value] : wanted) {
    if (!after.contains(key)) differs(key, shown(value), "nothing");
  }
  EXPECT_EQ(unknown, program.version_dependent) << program.name << ": rows that carry a versionstamp";
  return different;
}

TEST_F(GoldenTest, ProgramsOfTheBindingTesterLeaveTheRowsThatFoundationDbLeft) {
  if (!std::filesystem::exists(GOLDENS)) {
    GTEST_SKIP() << GOLDENS << " is not there: FoundationDB's answers cannot be compared";
  }
  std::size_t programs = 0;
  std::size_t rows = 0;
  each_line([&](const std::string& line) {
    const Program program = program_of(line);
    const auto database = open_for(program);
    ASSERT_TRUE(all(*database).empty()) << "a cluster for tests must be empty";
    load(*database, program.before);
    const bool ran = run_program(*database, program.name, program.prefix);
    const Rows after = all(*database);
    empty(*database);
    if (!ran) return;
    const std::size_t different = differences(program, after);
    EXPECT_EQ(different, 0U) << program.name;
    ++programs;
    rows += program.changed.size();
  });
  EXPECT_EQ(programs, 21U);
  RecordProperty("rows", static_cast<int>(rows));
  std::printf("%zu programs, %zu rows compared\n", programs, rows);
}

}  // namespace
}  // namespace everframe::stack
