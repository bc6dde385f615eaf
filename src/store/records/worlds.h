// Worlds as directories: the world NAME is the directory ("everframe", "worlds", NAME) of layer
// "everframe.world"; its tables lie beneath that directory's short prefix. A world is renamed and removed as
// a directory is, whatever its size. Persistent: path and layer. Threads and ownership: as of Directories,
// which outlive this.
#pragma once
#include "store/directory.h"

namespace everframe::store::records {

class Worlds {
 public:
  explicit Worlds(Directories& directories) : directories_(directories), cache_(directories) {}

  // An Error if there is one of that name.
  Task<Result<Subspace>> create(Transaction& t, std::string name);
  Task<Result<Subspace>> open(Transaction& t, std::string name);
  Task<Result<void>> rename(Transaction& t, std::string from, std::string to);
  Task<Result<bool>> remove_if_exists(Transaction& t, std::string name);
  Task<Result<std::vector<std::string>>> list(Transaction& t);

 private:
  Directories& directories_;
  DirectoryCache cache_;
};

}  // namespace everframe::store::records
