// The distribution's libyaml.
#pragma once
#include <yaml.h>
