<?php
/*
 * Stands for FreePBX's own classes, whose tables these are: what they answer, and how they keep it.
 * AICONVAI_TEST_DATABASE: the socket of the server.
 */
class FreePBX
{
	private static $database;
	private static $registry;

	public static function Database()
	{
		self::$database = self::$database ?: new PDO(
			'mysql:unix_socket=' . getenv('AICONVAI_TEST_DATABASE') . ';dbname=asterisk;charset=utf8mb4',
			'root', '', array(PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION)
		);
		return self::$database;
	}

	public static function Customappsreg()
	{
		self::$registry = self::$registry ?: new Customappsreg();
		return self::$registry;
	}

	public static function Destinations()
	{
		return new Destinations();
	}
}

class Customappsreg
{
	private function ask($sql, $values)
	{
		$asked = FreePBX::Database()->prepare($sql);
		$asked->execute($values);
		return $asked;
	}

	private function read($row)
	{
		return $row['type'] === 'json-arr' ? json_decode($row['val'], true) : $row['val'];
	}

	public function getConfig($key = null, $id = 'noid')
	{
		$sql = 'SELECT val, type FROM kvstore_FreePBX_modules_Customappsreg WHERE `key` = ? AND id = ?';
		$row = $this->ask($sql, array($key, $id))->fetch(PDO::FETCH_ASSOC);
		return $row ? $this->read($row) : false;
	}

	public function setConfig($key = null, $value = false, $id = 'noid')
	{
		$this->ask('DELETE FROM kvstore_FreePBX_modules_Customappsreg WHERE `key` = ? AND id = ?', array($key, $id));
		if ($value === false) {
			return true;
		}
		$this->ask(
			'INSERT INTO kvstore_FreePBX_modules_Customappsreg (`key`, val, type, id) VALUES (?, ?, ?, ?)',
			is_array($value) ? array($key, json_encode($value), 'json-arr', $id) : array($key, $value, null, $id)
		);
		return true;
	}

	public function delConfig($key = null, $id = 'noid')
	{
		$this->setConfig($key, false, $id);
	}

	public function getAll($id = 'noid')
	{
		$found = array();
		$sql = 'SELECT `key`, val, type FROM kvstore_FreePBX_modules_Customappsreg WHERE id = ? ORDER BY `key`';
		foreach ($this->ask($sql, array($id))->fetchAll(PDO::FETCH_ASSOC) as $row) {
			$found[$row['key']] = $this->read($row);
		}
		return $found;
	}
}

class Destinations
{
	public function getAllInUseDestinations($wanted = true)
	{
		$asked = FreePBX::Database()->prepare('SELECT extension, description FROM incoming WHERE destination = ?');
		$asked->execute($wanted);
		$used = null;
		foreach ($asked->fetchAll(PDO::FETCH_ASSOC) as $row) {
			$used['core'][] = array(
				'dest' => $wanted[0], 'edit_url' => 'config.php?display=did',
				'description' => "Inbound Route: <b>{$row['description']}</b> ({$row['extension']})",
			);
		}
		return $used;
	}
}

function needreload()
{
	FreePBX::Database()->exec("UPDATE admin SET value = 'true' WHERE variable = 'need_reload'");
}
