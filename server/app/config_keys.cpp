// The accepted keys of all tables together.
#include "server/app/config_keys.hpp"

#include <vector>

namespace martlet::app {

std::span<const ConfigKey> accepted_keys() {
    static const std::vector<ConfigKey> all = [] {
        std::vector<ConfigKey> keys;
        for (const auto table : {broker_keys(), listener_keys(), protocol_keys(), tls_keys(),
                                 access_keys(), log_keys()}) {
            keys.insert(keys.end(), table.begin(), table.end());
        }
        return keys;
    }();
    return all;
}

}  // namespace martlet::app
