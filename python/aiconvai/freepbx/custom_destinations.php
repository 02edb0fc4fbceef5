<?php
/*
 * Custom destinations by FreePBX's own classes: php custom_destinations.php FREEPBX_CONF, with a JSON object on standard
 * input. {"mark": ..., "wanted": [{"target": ..., "description": ...}, ...]}: those that carry the mark in their notes
 * become the wanted ones; what others have made stays. {"mark": ..., "wanted": [], "look": true}: nothing is changed.
 * Answers with a JSON object: "made", "removed", "there": targets; "used": {target: [by what]}; "error".
 */
$bootstrap_settings['freepbx_auth'] = false;
$bootstrap_settings['skip_astman'] = true;
/* Inbound routes, menus, ring groups and what else leads there, as each module describes its own. */
function users_of($target)
{
	$users = array();
	foreach (FreePBX::Destinations()->getAllInUseDestinations(array($target)) ?: array() as $module => $uses) {
		foreach ($uses as $use) {
			$users[] = strip_tags($use['description']) ?: $module;
		}
	}
	return $users;
}

$asked = json_decode(stream_get_contents(STDIN), true);
$answer = array('made' => array(), 'removed' => array(), 'there' => array(), 'used' => new ArrayObject());
try {
	require $argv[1];
	$registry = FreePBX::Customappsreg();
	$wanted = array_column($asked['wanted'], 'description', 'target');
	$looks = !empty($asked['look']);
	foreach ($registry->getAll('dests') as $key => $one) {
		$target = $one['target'];
		$is_ours = strpos($one['notes'], $asked['mark']) !== false;
		if (array_key_exists($target, $wanted)) {
			$answer['there'][] = $target;
			unset($wanted[$target]);
		} elseif ($is_ours) {
			$users = users_of($target);
			if ($users) {
				$answer['used'][$target] = $users;
			} else {
				$answer['removed'][] = $target;
				if (!$looks) {
					$registry->delConfig($key, 'dests');
				}
			}
		}
	}
	foreach ($wanted as $target => $description) {
		$answer['made'][] = $target;
		if ($looks) {
			continue;
		}
		$number = (int) ($registry->getConfig('currentid') ?: 1);
		while ($registry->getConfig($number, 'dests')) {
			$number++;
		}
		$registry->setConfig($number, array(
			'destid' => $number, 'target' => $target, 'description' => $description, 'notes' => $asked['mark'],
			'destret' => '0', 'dest' => '',
		), 'dests');
		$registry->setConfig('currentid', $number + 1);
	}
	if (!$looks && ($answer['made'] || $answer['removed'])) {
		needreload();
	}
} catch (Throwable $error) {
	$answer['error'] = $error->getMessage();
}
echo "\n", json_encode($answer), "\n";
